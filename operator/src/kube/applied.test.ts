import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  bodyHash,
  changedByApply,
  isApplied,
  isContained,
  lastWrite,
  noted,
  projection,
} from './applied.ts';
import type { Manifest } from './object.ts';

const annotation = 'example.dev/applied-hash';
const desired: Manifest = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'shop', labels: { app: 'web' } },
  spec: {
    template: {
      spec: {
        containers: [
          {
            name: 'web',
            args: ['--port', '80'],
            ports: [{ containerPort: 80 }],
            env: [{ name: 'A', value: '1' }],
            resources: { requests: { cpu: '1000m', memory: '1024Mi' } },
          },
        ],
      },
    },
  },
};

/** What the API server makes of it: defaults, normalised quantities, its own metadata. */
const live = (over: (container: Record<string, unknown>) => void = () => undefined): Manifest => {
  const container: Record<string, unknown> = {
    name: 'web',
    args: ['--port', '80'],
    imagePullPolicy: 'Always',
    ports: [{ containerPort: 80, protocol: 'TCP' }],
    env: [{ name: 'A', value: '1' }],
    resources: { requests: { cpu: '1', memory: '1Gi' } },
  };
  over(container);
  return {
    ...desired,
    metadata: {
      ...desired.metadata,
      resourceVersion: '5',
      annotations: { [annotation]: bodyHash(desired) },
    },
    spec: { replicas: 3, template: { spec: { containers: [container], restartPolicy: 'Always' } } },
  };
};

test('what the server added or rewrote is no difference', () => {
  expect(isApplied(desired, live(), annotation)).toBe(true);
});

test.each<[string, (container: Record<string, unknown>) => void]>([
  ['a changed value', (container) => (container['env'] = [{ name: 'A', value: '2' }])],
  ['a removed item', (container) => (container['env'] = [])],
  ['a removed field', (container) => delete container['ports']],
  [
    'a changed quantity',
    (container) => (container['resources'] = { requests: { cpu: '2', memory: '1Gi' } }),
  ],
  ['a longer atomic list', (container) => (container['args'] = ['--port', '80', '--debug'])],
  ['a renamed container', (container) => (container['name'] = 'other')],
])('%s of ours is a difference', (_what, drift) => {
  expect(isApplied(desired, live(drift), annotation)).toBe(false);
});

test('items of others in lists that merge by key are not ours', () => {
  const added = live((container) => {
    container['env'] = [
      { name: 'INJECTED', value: 'x' },
      { name: 'A', value: '1' },
    ];
  });
  expect(isApplied(desired, added, annotation)).toBe(true);
});

test('a field that is no longer sent is a difference, by the hash', () => {
  const { labels: _dropped, ...metadata } = desired.metadata;
  expect(isApplied({ ...desired, metadata }, live(), annotation)).toBe(false);
});

test('an object that is not there, or was applied by nobody, is a difference', () => {
  expect(isApplied(desired, undefined, annotation)).toBe(false);
  expect(isApplied(desired, { ...live(), metadata: desired.metadata }, annotation)).toBe(false);
});

test.each([
  ['1000m', '1', true],
  ['0.5', '500m', true],
  ['1024Mi', '1Gi', true],
  ['1e3', '1k', true],
  ['1G', '1Gi', false],
  ['100m', '1', false],
])('as quantities %s and %s: %s', (one, other, same) => {
  expect(isContained({ limits: { cpu: one } }, { limits: { cpu: other } })).toBe(same);
  expect(isContained({ labels: { cpu: one } }, { labels: { cpu: other } })).toBe(false);
});

test('the order in which a body was built does not change its hash', () => {
  expect(bodyHash({ a: 1, b: { c: 2, d: 3 } })).toBe(bodyHash({ b: { d: 3, c: 2 }, a: 1 }));
  expect(bodyHash([1, 2])).not.toBe(bodyHash([2, 1]));
});

test('the annotation says how an object was last written, and of what body', () => {
  for (const way of ['create', 'apply'] as const) {
    const written = noted(desired, annotation, { way, hash: 'abc' });
    expect(lastWrite(written, annotation)).toEqual({ way, hash: 'abc' });
  }
  expect(lastWrite(desired, annotation)).toBeUndefined();
});

test('an object that was created as it should be is not applied', () => {
  const created = noted(live(), annotation, { way: 'create', hash: bodyHash(desired) });
  expect(isApplied(desired, created, annotation)).toBe(true);
});

test('a projection shows the fields of ours as the server keeps them', () => {
  const ours = { timeout: '60s', list: [{ a: 1 }] };
  expect(projection(ours, { timeout: '1m0s', list: [{ a: 1, b: 2 }], other: true })).toEqual({
    timeout: '1m0s',
    list: [{ a: 1 }],
  });
});

test('null asks for nothing to be there', () => {
  expect(isContained({ a: null }, {})).toBe(true);
  expect(isContained({ a: null }, { a: 1 })).toBe(false);
});

test('an apply that kept the resource version changed nothing', () => {
  expect(changedByApply(live(), live())).toBe(false);
  expect(changedByApply(undefined, live())).toBe(true);
});

test('everything contains itself, and still does with more fields', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (value, more) => {
      expect(isContained(value, value)).toBe(true);
      expect(isContained({ value }, { value, more })).toBe(true);
      expect(bodyHash(projection(value, value))).toBe(bodyHash(value));
    }),
  );
});

test('a value changed anywhere is noticed', () => {
  const leaf = fc.oneof(fc.integer(), fc.boolean(), fc.string());
  fc.assert(
    fc.property(
      fc.array(fc.string(), { minLength: 1, maxLength: 5 }),
      leaf,
      leaf,
      (path, before, after) => {
        fc.pre(before !== after);
        const nest = (value: unknown): unknown =>
          path.reduceRight<unknown>((inner, field) => ({ [field]: inner }), value);
        fc.pre(!path.some((field) => ['requests', 'limits', 'capacity', 'hard'].includes(field)));
        expect(isContained(nest(before), nest(after))).toBe(false);
      },
    ),
  );
});
