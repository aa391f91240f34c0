import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { eventsBefore, sliceEvents, type ProjectedEvent } from './slices.ts';

const operation = fc.string({ maxLength: 40 }).map((json) => ['1', 'a', '1', json, 'd'] as const);
const events = fc
  .array(fc.array(operation, { maxLength: 3 }), { maxLength: 60 })
  .map((all) => all.map((operations, place) => ({ offset: String(place), lsn: 'l', operations })));
const size = ({ operations }: ProjectedEvent): number =>
  operations.reduce((sum, [, , , json, detail]) => sum + json.length + detail.length, 0);

test('slices hold every event in order, keep their bounds and name the offset behind them', () => {
  const bounds = fc.record({
    eventsMax: fc.integer({ min: 1, max: 9 }),
    charactersMax: fc.integer({ min: 1, max: 200 }),
  });
  fc.assert(
    fc.property(events, bounds, (all, bound) => {
      const slices = sliceEvents(all, bound);
      expect(slices.flatMap((slice) => slice.events)).toEqual(all);
      for (const slice of slices) {
        expect(slice.events.length).toBeGreaterThan(0);
        expect(slice.events.length).toBeLessThanOrEqual(bound.eventsMax);
        const characters = slice.events.reduce((sum, event) => sum + size(event), 0);
        expect(characters <= bound.charactersMax || slice.events.length === 1).toBe(true);
        expect(slice.nextOffset).toBe(String(Number(slice.events.at(-1)?.offset) + 1));
      }
    }),
  );
});

test('offsets beyond what a double counts stay exact', () => {
  const event = { offset: '9007199254740993', lsn: '1', operations: [] };
  const [slice] = sliceEvents([event], { eventsMax: 1, charactersMax: 1 });
  expect(slice?.nextOffset).toBe('9007199254740994');
});

test('an operation of functions.lua is found back in its event', () => {
  const one = ['1', 'a', '1', '{}', ''] as const;
  const all = [[one], [one, one], [], [one]].map((operations, place) => ({
    offset: String(place),
    lsn: '1',
    operations,
  }));
  const [slice] = sliceEvents(all, { eventsMax: 9, charactersMax: 99 });
  const before = [1, 2, 3, 4].map((number) => slice && eventsBefore(slice, number).length);
  expect(before).toEqual([0, 1, 1, 3]);
});

test('a slice has the last LSN that one of its events says', () => {
  const all = ['', '8', ''].map((lsn, place) => ({ offset: String(place), lsn, operations: [] }));
  const slices = sliceEvents(all, { eventsMax: 2, charactersMax: 99 });
  expect(slices.map(({ lsn }) => lsn)).toEqual(['8', '']);
});
