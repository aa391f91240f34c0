import { expect, test } from 'vitest';
import { ownYaml } from './own-yaml.ts';

test('tells what was added, changed and left out, and nothing that is shared', () => {
  const shared = { kind: 'Pod', spec: { a: 1, b: { c: 2, d: [3] } } };
  const object = { kind: 'Pod', spec: { b: { c: 3, d: [3] }, e: 4 } };
  expect(ownYaml(object, shared)).toBe('spec:\n  a: (absent)\n  b:\n    c: 3\n  e: 4\n');
  expect(ownYaml(shared, shared)).toBe('{}\n');
});

const list = (...ports: object[]) => ({ ports });

test('looks into a list only when its entries have the same names in the same order', () => {
  const [one, two] = [
    { name: 'one', port: 1 },
    { name: 'two', port: 2 },
  ];
  expect(ownYaml(list(one, { ...two, port: 3 }), list(one, two))).toBe(
    'ports:\n  - name: two\n    port: 3\n',
  );
  expect(ownYaml(list(two, one), list(one, two))).toBe(
    'ports:\n  - name: two\n    port: 2\n  - name: one\n    port: 1\n',
  );
  expect(ownYaml(list(one), list(one, two))).toBe('ports:\n  - name: one\n    port: 1\n');
});
