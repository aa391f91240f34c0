/**
 * Stand-ins for the base images that the Dockerfiles ask for, under the very names that they ask for: debian:trixie-slim
 * from Debian's packages, and node:24-trixie-slim from that and the Node that the npm package `node` carries.
 */
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { run } from '../tools/command.ts';
import { build, hasImage, tagImage } from './buildah.ts';
import { contentHash } from './build-context.ts';
import { debianSources, targetFormat } from './debian-sources.ts';
import { timed } from './image-set.ts';
import type { Report } from './image-set.ts';
import { withWorkFolder } from './work-folder.ts';

const suite = 'trixie';
/** The npm that goes with Node; `npm pack` fetches it, since an npm from a system's packages is spread over many folders. */
const npmVersion = '11.21.2';
const bootstrapTimeoutMs = 900_000;

/** A slim image leaves out what nobody reads in a container; licences stay. */
const slimming = [
  'path-exclude=/usr/share/doc/*',
  'path-include=/usr/share/doc/*/copyright',
  'path-exclude=/usr/share/man/*',
  'path-exclude=/usr/share/info/*',
  'path-exclude=/usr/share/locale/*',
];

interface Base {
  /** The name that a FROM asks for. */
  name: string;
  /** The name that says what it is made of. */
  reference: string;
}

export interface Bases {
  debian: Base;
  node: Base;
}

/** The bases as they would be made now; nothing is built. */
export async function planBases(): Promise<Bases> {
  const debianFacts = [process.arch, suite, ...slimming];
  const debian = await base('debian', 'trixie-slim', debianFacts);
  const nodeFacts = [debian.reference, await nodeVersion(), npmVersion];
  return { debian, node: await base('node', '24-trixie-slim', nodeFacts) };
}

async function base(folder: string, tag: string, facts: string[]): Promise<Base> {
  const hash = await contentHash(import.meta.dirname, [folder], { ignore: [], facts });
  return { name: `localhost/${folder}:${tag}`, reference: `localhost/cqrs-base/${folder}:${hash}` };
}

/** Builds the bases that are missing and gives them the names that the Dockerfiles ask for. */
export async function ensureBases({ debian, node }: Bases, report: Report): Promise<void> {
  await ensureBase(debian, report, buildDebian);
  await ensureBase(node, report, buildNode);
}

async function ensureBase(
  { name, reference }: Base,
  report: Report,
  make: (references: string[]) => Promise<void>,
): Promise<void> {
  const step = name.replace('localhost/', 'stand-in ');
  if (await hasImage(reference)) {
    await tagImage(reference, name);
    report({ step, state: 'cached', seconds: 0 });
  } else {
    await timed(report, step, async () => make([reference, name]));
  }
}

async function buildDebian(references: string[]): Promise<void> {
  const listTargets = ['indextargets', '--format', targetFormat, 'Created-By: Packages'];
  const targets = await run('apt-get', listTargets).catch(() => '');
  const sources = debianSources(targets, suite);
  await withWorkFolder(async (folder) => {
    const options = ['--variant=minbase', '--include=ca-certificates'];
    const exclusions = slimming.map((option) => `--dpkgopt=${option}`);
    const positions = [suite, join(folder, 'root.tar'), ...(sources.length > 0 ? ['-'] : [])];
    await run('mmdebstrap', [...options, ...exclusions, ...positions], {
      input: sources.join('\n'),
      timeoutMs: bootstrapTimeoutMs,
    });
    await build({ dockerfile: dockerfile('debian'), context: folder, references });
  });
}

async function buildNode(references: string[]): Promise<void> {
  await withWorkFolder(async (folder) => {
    await copyFile(join(nodePackageFolder(), 'bin', 'node'), join(folder, 'node'));
    await run('npm', ['pack', `npm@${npmVersion}`, '--pack-destination', folder]);
    const npmFolder = join(folder, 'npm');
    await mkdir(npmFolder);
    const archive = join(folder, `npm-${npmVersion}.tgz`);
    await run('tar', ['-xzf', archive, '-C', npmFolder, '--strip-components=1']);
    await build({ dockerfile: dockerfile('node'), context: folder, references });
  });
}

async function nodeVersion(): Promise<string> {
  const content = await readFile(join(nodePackageFolder(), 'package.json'), 'utf8');
  return (JSON.parse(content) as { version: string }).version;
}

function nodePackageFolder(): string {
  return dirname(createRequire(import.meta.url).resolve('node/package.json'));
}

function dockerfile(folder: string): string {
  return join(import.meta.dirname, folder, 'Dockerfile');
}
