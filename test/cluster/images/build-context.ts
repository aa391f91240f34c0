/** What a Dockerfile takes from its build context, and a hash of it, so that an image is rebuilt only when that changed. */
import { createHash } from 'node:crypto';
import { readFile, readdir, stat } from 'node:fs/promises';
import { join, matchesGlob } from 'node:path';

const hashChars = 12;

/** The paths that a Dockerfile copies from its build context; what it copies from another stage is not among them. */
export function copiedPaths(dockerfile: string): string[] {
  const instructions = dockerfile.replaceAll(/\\\n/g, ' ').split('\n');
  return instructions.flatMap((instruction) => {
    const [keyword, ...words] = instruction.trim().split(/\s+/);
    if (keyword !== 'COPY' || words.some((word) => word.startsWith('--from='))) {
      return [];
    }
    return words.filter((word) => !word.startsWith('--')).slice(0, -1);
  });
}

/** The patterns of a .dockerignore, without blank lines and comments; `!` is not used in ours and is refused. */
export function ignorePatterns(dockerignore: string): string[] {
  const lines = dockerignore.split('\n').map((line) => line.trim());
  const patterns = lines.filter((line) => line !== '' && !line.startsWith('#'));
  const exception = patterns.find((pattern) => pattern.startsWith('!'));
  if (exception !== undefined) {
    throw new RangeError(`The content hash of images does not understand exceptions: ${exception}`);
  }
  return patterns;
}

/**
 * Twelve hexadecimal digits that change when a file below `paths` (relative to `root`) changes its path or content, or
 * when one of `facts` does. A path that does not exist counts as empty, so that an image can be planned before it builds.
 */
export async function contentHash(
  root: string,
  paths: readonly string[],
  options: { ignore: readonly string[]; facts: readonly string[] },
): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(options.facts));
  for (const file of await filesBelow(root, paths, options.ignore)) {
    const content = await readFile(join(root, file));
    hash.update(`\n${file} ${content.length}\n`).update(content);
  }
  return hash.digest('hex').slice(0, hashChars);
}

async function filesBelow(
  root: string,
  paths: readonly string[],
  ignore: readonly string[],
): Promise<string[]> {
  const files = new Set<string>();
  for (const path of paths.filter((each) => !isIgnored(each, ignore))) {
    const found = await stat(join(root, path)).catch(() => undefined);
    if (found?.isFile() === true) {
      files.add(path);
    } else if (found?.isDirectory() === true) {
      const names = await readdir(join(root, path));
      const children = names.map((name) => join(path, name));
      for (const file of await filesBelow(root, children, ignore)) {
        files.add(file);
      }
    }
  }
  return [...files].toSorted();
}

function isIgnored(path: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => matchesGlob(path, pattern));
}
