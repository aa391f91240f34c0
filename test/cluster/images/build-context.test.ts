import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { contentHash, copiedPaths, ignorePatterns } from './build-context.ts';

let root = '';
const write = async (path: string, content: string): Promise<void> => {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
};
const hashOf = async (paths: string[], ignore: string[] = [], facts: string[] = []) =>
  contentHash(root, paths, { ignore, facts });

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'build-context-'));
});

afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

test('what a Dockerfile copies is what its image depends on, other stages aside', () => {
  const dockerfile = [
    'FROM a AS build',
    'COPY package.json package-lock.json ./',
    '# COPY nothing here',
    'COPY --chown=1:1 \\',
    '  operator/src operator/src',
    'RUN echo COPY x y',
    'COPY --from=build /app ./',
  ].join('\n');
  expect(copiedPaths(dockerfile)).toEqual(['package.json', 'package-lock.json', 'operator/src']);
});

test('a changed, a moved, an added and a removed file each give another hash; a copy of all gives the same', async () => {
  await write('a/one.ts', '1');
  await write('a/two.ts', '2');
  const before = await hashOf(['a']);
  expect(before).toMatch(/^[0-9a-f]{12}$/u);
  expect(await hashOf(['a'])).toBe(before);

  await write('a/two.ts', '3');
  const changed = await hashOf(['a']);
  await rm(join(root, 'a/two.ts'));
  const removed = await hashOf(['a']);
  await write('a/three.ts', '3');
  const moved = await hashOf(['a']);
  expect(new Set([before, changed, removed, moved]).size).toBe(4);

  await rm(join(root, 'a/three.ts'));
  await write('a/two.ts', '2');
  expect(await hashOf(['a'])).toBe(before);
});

test('bytes that move from one file to the next are a change', async () => {
  await write('a/one.ts', 'xy');
  await write('a/two.ts', 'z');
  const before = await hashOf(['a']);
  await write('a/one.ts', 'x');
  await write('a/two.ts', 'yz');
  expect(await hashOf(['a'])).not.toBe(before);
});

test('ignored files do not count, at any depth', async () => {
  await write('a/one.ts', '1');
  const ignore = ignorePatterns('# tests\n\n**/node_modules\n**/*.test.ts\n');
  const before = await hashOf(['a'], ignore);
  await write('a/one.test.ts', 'test');
  await write('a/b/node_modules/x/x.js', 'x');
  expect(await hashOf(['a'], ignore)).toBe(before);
  expect(await hashOf(['a'])).not.toBe(before);
});

test('a fact that is no file counts too, and a path that is missing does not hinder', async () => {
  await write('a/one.ts', '1');
  expect(await hashOf(['a'], [], ['node 24.1'])).not.toBe(await hashOf(['a'], [], ['node 24.2']));
  expect(await hashOf(['a', 'b'])).toBe(await hashOf(['a']));
});

test('an exception in .dockerignore is refused, because the hash would not follow it', () => {
  expect(() => ignorePatterns('*\n!operator\n')).toThrow('!operator');
});
