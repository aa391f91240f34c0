import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { customResourceDefinition } from './crd.ts';

const crdFile = fileURLToPath(
  new URL('../../../../charts/cqrs-operator/files/crd-cqrsservices.yaml', import.meta.url),
);

const header =
  '# Generated from operator/src/api/v1alpha1/crd-schema.ts by `npm run generate`: edit that.\n';

/** Writes the CRD where the chart takes it; with `--check` only says whether the file there is stale. */
async function main(args: readonly string[]): Promise<number> {
  const wanted =
    header + stringify(customResourceDefinition(), { lineWidth: 0, singleQuote: true });
  if (!args.includes('--check')) {
    await mkdir(dirname(crdFile), { recursive: true });
    await writeFile(crdFile, wanted);
    return 0;
  }
  if ((await readOrEmpty(crdFile)) === wanted) return 0;
  process.stderr.write(`${crdFile} is stale: run \`npm run generate\` and commit the result.\n`);
  return 1;
}

async function readOrEmpty(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

process.exitCode = await main(process.argv.slice(2));
