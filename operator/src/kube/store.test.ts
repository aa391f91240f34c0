import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { objectKey, type KubeObject } from './object.ts';
import { Store, type Change } from './store.ts';

type Thing = KubeObject & { colour: string };

const thing = (name: string, over: { rv?: string; uid?: string; colour?: string } = {}): Thing => ({
  apiVersion: 'v1',
  kind: 'Thing',
  metadata: { name, uid: over.uid ?? name, resourceVersion: over.rv ?? '1' },
  colour: over.colour ?? 'red',
});

const summary = (changes: readonly Change<Thing>[]): string[] =>
  changes.map(({ type, object, old }) => `${type} ${object.metadata.name} ${old?.colour ?? '-'}`);

test('a version that is known already is no change', () => {
  const store = new Store<Thing>();
  expect(summary(store.upsert(thing('a')))).toEqual(['added a -']);
  expect(store.upsert(thing('a'))).toEqual([]);
  expect(summary(store.upsert(thing('a', { rv: '2', colour: 'blue' })))).toEqual(['updated a red']);
});

test('replacing tells what was deleted unseen', () => {
  const store = new Store<Thing>();
  store.replace([thing('a'), thing('b')]);
  expect(summary(store.replace([thing('b'), thing('c')]))).toEqual(['deleted a red', 'added c -']);
});

test('an object deleted and made anew unseen is told as both', () => {
  const store = new Store<Thing>();
  store.upsert(thing('a', { uid: 'first' }));
  expect(summary(store.replace([thing('a', { uid: 'second', rv: '9' })]))).toEqual([
    'deleted a red',
    'added a -',
  ]);
});

test('an unknown index is an error', () => {
  expect(() => new Store<Thing>().byIndex('colour', 'red')).toThrow(RangeError);
});

const names = fc.constantFrom('a', 'b', 'c');
const colours = fc.constantFrom('red', 'blue');
const operation = fc.oneof(
  fc.record({ kind: fc.constant('upsert' as const), name: names, colour: colours }),
  fc.record({ kind: fc.constant('remove' as const), name: names }),
  fc.record({
    kind: fc.constant('replace' as const),
    keep: fc.subarray(['a', 'b', 'c']),
    colour: colours,
  }),
);

test('changes replayed give the content, and indexes agree with it', () => {
  fc.assert(
    fc.property(fc.array(operation), (operations) => {
      const store = new Store<Thing>({ colour: (object) => [object.colour] });
      const replayed = new Map<string, Thing>();
      operations.forEach((step, position) => {
        const rv = String(position);
        const changes =
          step.kind === 'upsert'
            ? store.upsert(thing(step.name, { rv, colour: step.colour }))
            : step.kind === 'remove'
              ? store.remove(thing(step.name, { rv }))
              : store.replace(step.keep.map((name) => thing(name, { rv, colour: step.colour })));
        for (const { type, object } of changes) {
          if (type === 'deleted') replayed.delete(objectKey(object));
          else replayed.set(objectKey(object), object);
        }
      });
      const inOrder = (objects: Iterable<Thing>): Thing[] =>
        [...objects].toSorted((a, b) => a.metadata.name.localeCompare(b.metadata.name));
      expect(inOrder(store.list())).toEqual(inOrder(replayed.values()));
      for (const colour of ['red', 'blue']) {
        const expected = store.list().filter((object) => object.colour === colour);
        expect(inOrder(store.byIndex('colour', colour))).toEqual(inOrder(expected));
      }
    }),
  );
});
