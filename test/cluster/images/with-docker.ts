/** The images where a Docker engine runs: ours by `docker build`, the stores as their projects publish them. */
import { commandSucceeds, run } from '../tools/command.ts';
import { hasArchive, saveArchive } from './archives.ts';
import { imageNames, imageOf, repositoryRoot, timed } from './image-set.ts';
import type { ImageName, Images, Report } from './image-set.ts';
import { withNpmSecrets } from './npm-settings.ts';
import { dockerfileOf, ownImage } from './own-images.ts';
import type { OwnImageName } from './own-images.ts';

const buildTimeoutMs = 1_200_000;
const pullTimeoutMs = 900_000;

/** True when `docker` is there and reaches an engine. */
export async function dockerEngineRuns(): Promise<boolean> {
  return commandSucceeds('docker', ['version', '--format', '{{.Server.Version}}']);
}

/** Gives the images; nothing but hashing happens when all their archives are there. */
export async function buildWithDocker(report: Report): Promise<Images> {
  const images = await planImages();
  for (const name of imageNames) {
    const image = images[name];
    if (await hasArchive(image)) {
      report({ step: name, state: 'cached', seconds: 0 });
      continue;
    }
    await timed(report, name, async () => {
      await builders[name](image.reference);
      await saveArchive(image, async (path) => {
        await docker(['save', '--output', path, image.reference], buildTimeoutMs);
      });
    });
  }
  return images;
}

async function planImages(): Promise<Images> {
  return {
    operator: await ownImage('operator', 'docker'),
    services: await ownImage('services', 'docker'),
    postgres: imageOf('docker.io/library/postgres:17'),
    kafka: imageOf('docker.io/apache/kafka:4.1.1'),
    redis: imageOf('docker.io/library/redis:8'),
  };
}

const builders: Record<ImageName, (reference: string) => Promise<void>> = {
  operator: async (reference) => buildOwn('operator', reference),
  services: async (reference) => buildOwn('services', reference),
  postgres: pull,
  kafka: pull,
  redis: pull,
};

async function buildOwn(name: OwnImageName, reference: string): Promise<void> {
  await withNpmSecrets(async (secrets) => {
    const source = ['--file', dockerfileOf(name), '--tag', reference, repositoryRoot];
    await docker(['build', ...secrets, ...source], buildTimeoutMs);
  });
}

/** An image that is there already serves, so that a machine without a registry can be given one by `docker load`. */
async function pull(reference: string): Promise<void> {
  if (!(await commandSucceeds('docker', ['image', 'inspect', reference]))) {
    await docker(['pull', reference], pullTimeoutMs);
  }
}

async function docker(args: readonly string[], timeoutMs: number): Promise<void> {
  await run('docker', args, { env: { DOCKER_BUILDKIT: '1' }, timeoutMs });
}
