/** The images on a bare Linux machine, as root, without a Docker engine and without a registry. */
import { copyFile, cp } from 'node:fs/promises';
import { join } from 'node:path';
import { requireLinuxRoot } from '../local/machine.ts';
import { hasArchive } from './archives.ts';
import { ensureBases, planBases } from './bases.ts';
import type { Bases } from './bases.ts';
import { contentHash } from './build-context.ts';
import { archiveImage, build } from './buildah.ts';
import { imageNames, imageOf, repositoryRoot, timed } from './image-set.ts';
import type { Image, ImageName, Images, Report } from './image-set.ts';
import { withNpmSecrets } from './npm-settings.ts';
import { dockerfileOf, ownImage } from './own-images.ts';
import type { OwnImageName } from './own-images.ts';
import { ensurePackages } from '../tools/debian-packages.ts';
import { pomLibraries } from '../tools/maven.ts';
import { withWorkFolder } from './work-folder.ts';

const packagesByCommand = { buildah: 'buildah', mmdebstrap: 'mmdebstrap' };

/** Versions are those of Debian trixie and of kafka/pom.xml. */
const standInTags = { postgres: '17', kafka: '4.1.1', redis: '8' } as const;

/** Gives the images; nothing but hashing happens when all their archives are there. */
export async function buildWithBuildah(report: Report): Promise<Images> {
  const bases = await planBases();
  const images = await planImages(bases);
  const stale: ImageName[] = [];
  for (const name of imageNames) {
    if (await hasArchive(images[name])) {
      report({ step: name, state: 'cached', seconds: 0 });
    } else {
      stale.push(name);
    }
  }
  if (stale.length === 0) {
    return images;
  }
  requireLinuxRoot();
  await timed(report, 'packages of this machine', async () => ensurePackages(packagesByCommand));
  await ensureBases(bases, report);
  for (const name of stale) {
    await timed(report, name, async () => {
      await builders[name](images[name].reference);
      await archiveImage(images[name]);
    });
  }
  return images;
}

async function planImages({ debian, node }: Bases): Promise<Images> {
  return {
    operator: await ownImage('operator', node.reference),
    services: await ownImage('services', node.reference),
    postgres: await standIn('postgres', debian.reference),
    kafka: await standIn('kafka', debian.reference),
    redis: await standIn('redis', debian.reference),
  };
}

async function standIn(name: keyof typeof standInTags, base: string): Promise<Image> {
  const hash = await contentHash(import.meta.dirname, [name], { ignore: [], facts: [base] });
  return imageOf(`docker.io/cqrs-standin/${name}:${standInTags[name]}-${hash}`);
}

const builders: Record<ImageName, (reference: string) => Promise<void>> = {
  operator: async (reference) => buildOwn('operator', reference),
  services: async (reference) => buildOwn('services', reference),
  postgres: async (reference) => buildStore('postgres', reference, storeFolder('postgres')),
  redis: async (reference) => buildStore('redis', reference, storeFolder('redis')),
  kafka: async (reference) =>
    withWorkFolder(async (context) => {
      await copyFile(
        join(storeFolder('kafka'), 'archive-classes.sh'),
        join(context, 'archive-classes.sh'),
      );
      const libraries = await pomLibraries(
        'kafka-libraries',
        join(storeFolder('kafka'), 'pom.xml'),
      );
      await cp(libraries, join(context, 'libs'), { recursive: true });
      await buildStore('kafka', reference, context);
    }),
};

async function buildOwn(name: OwnImageName, reference: string): Promise<void> {
  await withNpmSecrets(async (flags) => {
    const dockerfile = dockerfileOf(name);
    await build({ dockerfile, context: repositoryRoot, references: [reference], flags });
  });
}

async function buildStore(
  name: keyof typeof standInTags,
  reference: string,
  context: string,
): Promise<void> {
  const dockerfile = join(storeFolder(name), 'Dockerfile');
  await build({ dockerfile, context, references: [reference] });
}

function storeFolder(name: keyof typeof standInTags): string {
  return join(import.meta.dirname, name);
}
