/** buildah with a storage of its own, so that nothing of the machine's other images is touched. */
import { join } from 'node:path';
import { commandSucceeds, run } from '../tools/command.ts';
import { saveArchive } from './archives.ts';
import { imagesFolder } from './image-set.ts';
import type { Image } from './image-set.ts';
import { certificateBundlePath } from './npm-settings.ts';

const buildTimeoutMs = 1_200_000;
const systemBundlePath = '/etc/ssl/certs/ca-certificates.crt';

export interface Build {
  dockerfile: string;
  /** The folder that COPY reads. */
  context: string;
  references: readonly string[];
  /** More flags of `buildah build`. */
  flags?: readonly string[];
}

/** Builds a Dockerfile as it is; every FROM has to be in the storage already. */
export async function build({ dockerfile, context, references, flags = [] }: Build): Promise<void> {
  const tags = references.flatMap((reference) => ['--tag', reference]);
  const fixed = ['--network=host', '--pull=never', '--layers', '--force-rm'];
  const trust = await machineTrust();
  await buildah(['build', ...fixed, ...trust, ...flags, ...tags, '--file', dockerfile, context]);
}

export async function hasImage(reference: string): Promise<boolean> {
  return commandSucceeds('buildah', [...storageFlags(), 'inspect', '--type=image', reference]);
}

export async function tagImage(reference: string, name: string): Promise<void> {
  await buildah(['tag', reference, name]);
}

/** Writes the archive of a built image and forgets the earlier contents of the same image. */
export async function archiveImage(image: Image): Promise<void> {
  await saveArchive(image, async (path) => {
    const target = `docker-archive:${path}:${image.reference}`;
    await buildah(['push', '--quiet', image.reference, target]);
  });
  const repository = image.reference.slice(0, image.reference.lastIndexOf(':'));
  const listed = await buildah(['images', '--format', '{{.Name}}:{{.Tag}}']);
  const earlier = listed
    .split('\n')
    .filter((name) => name.startsWith(`${repository}:`) && name !== image.reference);
  if (earlier.length > 0) {
    await buildah(['rmi', ...earlier]);
  }
}

async function buildah(args: readonly string[]): Promise<string> {
  return run('buildah', [...storageFlags(), ...args], {
    env: { BUILDAH_ISOLATION: 'chroot' },
    timeoutMs: buildTimeoutMs,
  });
}

function storageFlags(): string[] {
  const root = join(imagesFolder(), 'storage');
  return ['--storage-driver=overlay', '--root', root, '--runroot', '/run/cqrs-images'];
}

/** Package sources behind a certificate of the machine's own are trusted while a step runs. */
async function machineTrust(): Promise<string[]> {
  const bundle = await certificateBundlePath();
  return bundle === undefined ? [] : ['--volume', `${bundle}:${systemBundlePath}:ro`];
}
