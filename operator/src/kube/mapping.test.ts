import { expect, test } from 'vitest';
import {
  controllerOf,
  enqueueController,
  enqueueSelf,
  ownerReferenceTo,
  ownerUidIndex,
  specChanged,
} from './mapping.ts';
import type { KubeObject, ObjectMeta } from './object.ts';
import { builtin } from './resource-type.ts';

const deployment: KubeObject = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'shop', uid: 'u1' },
};
const replicaSet = (over: Partial<ObjectMeta> = {}): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  metadata: {
    name: 'web-1',
    namespace: 'shop',
    ownerReferences: [ownerReferenceTo(deployment)],
    ...over,
  },
});
const added = (object: KubeObject) => ({ type: 'added' as const, object, old: undefined });

test('the owner reference makes the owner the controller', () => {
  expect(controllerOf(replicaSet())).toMatchObject({
    kind: 'Deployment',
    uid: 'u1',
    controller: true,
  });
  expect(ownerUidIndex(replicaSet())).toEqual(['u1']);
});

test('a change of an owned object concerns its controller, of the watched kind and group only', () => {
  expect(enqueueController(builtin.deployment)(added(replicaSet()))).toEqual(['shop/web']);
  expect(enqueueController(builtin.statefulSet)(added(replicaSet()))).toEqual([]);
  expect(enqueueController({ ...builtin.deployment, group: 'other' })(added(replicaSet()))).toEqual(
    [],
  );
  expect(enqueueController({ ...builtin.deployment, version: 'v2' })(added(replicaSet()))).toEqual([
    'shop/web',
  ]);
});

test('when the controller changes, both are concerned', () => {
  const other = { ...deployment, metadata: { ...deployment.metadata, name: 'api', uid: 'u2' } };
  const change = {
    type: 'updated' as const,
    old: replicaSet(),
    object: replicaSet({ ownerReferences: [ownerReferenceTo(other)] }),
  };
  expect(enqueueController(builtin.deployment)(change)).toEqual(['shop/web', 'shop/api']);
});

test('an object concerns itself', () => {
  expect(enqueueSelf(added(deployment))).toEqual(['shop/web']);
});

test.each<[string, Partial<ObjectMeta>, boolean]>([
  ['status only', { resourceVersion: '2' }, false],
  ['the spec', { generation: 2 }, true],
  ['deletion', { deletionTimestamp: '2026-01-01T00:00:00Z' }, true],
  ['an annotation', { annotations: { a: 'b' } }, true],
  ['a label', { labels: { a: 'b' } }, true],
  ['a finalizer', { finalizers: ['x/y'] }, true],
])('a change of %s', (_what, over, relevant) => {
  const old = replicaSet({ generation: 1, resourceVersion: '1' });
  const object = { ...old, metadata: { ...old.metadata, ...over } };
  expect(specChanged({ type: 'updated', object, old })).toBe(relevant);
});
