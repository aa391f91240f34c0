/** Tests the code base itself: the rules of the house that no linter knows. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { expect, test } from 'vitest';

const root = new URL('..', import.meta.url);
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && existsSync(new URL(file, root)));
const sources = files.filter((file) => file.endsWith('.ts'));
const text = (file: string): string => readFileSync(new URL(file, root), 'utf8');

/** The file that tells each program's main path: a stranger reads it first. */
const mainPaths = [
  'operator/src/main.ts',
  'operator/src/controllers/cqrs-service/reconcile.ts',
  'services/command/src/main.ts',
  'services/relay/src/main.ts',
  'services/relay/src/relay.ts',
  'services/projector/src/main.ts',
  'services/projector/src/projector.ts',
  'services/query/src/main.ts',
  'test/quickstart/main.ts',
  'test/faults/main.ts',
  'test/bench/main.ts',
  'test/scaling/main.ts',
];
const mainPathLinesMax = 150;
const linesMax = 300;
/** Tables that are read by looking things up, not from top to bottom. */
const tables = ['operator/src/api/v1alpha1/crd-schema.ts'];

test.each(mainPaths)('%s is one screenful or two, read top-down', (file) => {
  expect(text(file).split('\n').length).toBeLessThanOrEqual(mainPathLinesMax);
});

test('no source file is longer than a reader can hold', () => {
  const long = sources.filter(
    (file) =>
      !file.endsWith('.test.ts') &&
      !tables.includes(file) &&
      text(file).split('\n').length > linesMax,
  );
  expect(long).toEqual([]);
});

test('no file is named for nothing', () => {
  const banned = /^(utils?|helpers?|common|types?|misc|index)\.ts$/u;
  expect(sources.filter((file) => banned.test(basename(file)))).toEqual([]);
});

/** Who may import whom: services never each other nor the operator; the operator only the contract; nobody the tests. */
const borders: readonly { readonly within: RegExp; readonly never: RegExp }[] = [
  { within: /^services\/contract\//u, never: /@cqrs\/(?!contract)|\.\.\/\.\.\//u },
  { within: /^services\/runtime\//u, never: /@cqrs\/(?!contract|runtime)/u },
  {
    within: /^services\/(command|relay|projector|query)\//u,
    never: /@cqrs\/(?!contract|runtime)|(\.\.\/){2,}/u,
  },
  { within: /^operator\/src\//u, never: /@cqrs\/(?!contract)|services\//u },
  {
    within: /^operator\/src\/kube\//u,
    never: /\.\.\/(api|controllers|resources|scaling|pods|telemetry)\//u,
  },
];

test('imports cross no border', () => {
  const crossings = sources
    .filter((file) => !file.endsWith('.test.ts'))
    .flatMap((file) => {
      const imports = [...text(file).matchAll(/from '([^']+)'/gu)].map((match) => match[1] ?? '');
      return borders
        .filter(({ within }) => within.test(file))
        .flatMap(({ never }) => imports.filter((path) => never.test(path)))
        .map((path) => `${file} imports ${path}`);
    });
  expect(crossings).toEqual([]);
});

test('no file names a machine path, silences a check or leaves a thing to do', () => {
  const banned = [
    /(^|["'\s=])\/(?:work|root|farm)\//mu,
    /@ts-(?:ignore|expect-error|nocheck)/u,
    /(?:oxlint|eslint)-disable/u,
    /\b(?:TODO|FIXME|XXX)\b/u,
    /\bas any\b/u,
    /\b(?:describe|it|test)\.(?:only|skip|todo)\b/u,
  ];
  const self = 'test/tidy.test.ts';
  const found = files
    .filter((file) => /\.(?:ts|json|ya?ml|md|sh|tpl)$|Dockerfile$/u.test(file) && file !== self)
    .flatMap((file) =>
      banned.filter((pattern) => pattern.test(text(file))).map((pattern) => `${file}: ${pattern}`),
    );
  expect(found).toEqual([]);
});

test("every command that README shows is one of package.json's scripts", () => {
  const { scripts } = JSON.parse(text('package.json')) as { scripts: Record<string, string> };
  const shown = [...text('README.md').matchAll(/npm (?:run )?([a-z:]+)/gu)].map(
    (match) => match[1],
  );
  const own = new Set(['ci', 'install']);
  expect(shown.length).toBeGreaterThan(3);
  expect(shown.filter((name) => !own.has(name ?? '') && scripts[name ?? ''] === undefined)).toEqual(
    [],
  );
});
