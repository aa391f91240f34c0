import { expect, test } from 'vitest';
import { plainView } from '../../../test/support/view-model.ts';
import { fetchedRecord } from '../../../test/support/fetched-record.ts';
import { haltedKeysMax, type HaltedKey, type HaltedKeys } from './halted-key.ts';
import { planBatch } from './plan-batch.ts';
import { planProjection } from './projection.ts';

const topic = plainView.sources[0]?.topic ?? '';
const record = (offset: number, key: string | null, value?: string) =>
  fetchedRecord({
    offset,
    key,
    value: value ?? `{"state":{"id":"${key}"}}`,
    headers: { ce_sequence: '2', ce_pglsn: String(offset), ce_time: '2025-01-01T00:00:00Z' },
  });
const records = [
  record(10, 'o1'),
  record(11, 'o2', 'no JSON'),
  record(12, 'o2'),
  record(13, null),
  record(14, 'o3'),
];

function plan(poison: 'halt' | 'dead-letter', haltedKeys: HaltedKeys = new Map()) {
  const projection = planProjection({ ...plainView, poison });
  return planBatch({ name: `${topic}:0`, topic, projection, haltedKeys }, records);
}

test('an event that cannot be read halts its key, and no other', () => {
  const { events, newlyHalted, deadLetters, halt, passedOver, timeMs } = plan('halt');
  expect(events.map(({ operations }) => operations.length)).toEqual([1, 0, 0, 0, 1]);
  expect(events.map(({ halts }) => halts?.key)).toEqual([
    undefined,
    'o2',
    undefined,
    '',
    undefined,
  ]);
  expect(newlyHalted).toMatchObject([
    { key: 'o2', offset: '11', error: expect.stringMatching(/MALFORMED.*value/) as string },
    { key: '', offset: '13', error: expect.stringMatching(/key/) as string },
  ]);
  expect([deadLetters, halt, passedOver]).toEqual([[], null, 1]);
  expect(timeMs).toBe(Date.UTC(2025, 0, 1));
});

test('events of keys that are halted already do nothing', () => {
  const halted: HaltedKey = { key: 'o1', offset: '3', error: 'E' };
  const { events, newlyHalted, passedOver } = plan('halt', new Map([['o1', halted]]));
  expect(events[0]).toEqual({ offset: '10', lsn: '', operations: [] });
  expect(newlyHalted.map(({ key }) => key)).toEqual(['o2', '']);
  expect(passedOver).toBe(2);
});

test('a dead letter says what is skipped, and its key goes on', () => {
  const { events, newlyHalted, deadLetters, passedOver } = plan('dead-letter');
  expect(events[1]?.operations).toEqual([['skip 1', 'o2', '2', '', '11']]);
  expect(events[2]?.operations).toHaveLength(1);
  // Without a key nothing can be said of versions.
  expect(events[3]?.operations).toEqual([]);
  expect(deadLetters.map((letter) => letter.record.offset)).toEqual(['11', '13']);
  expect(deadLetters[0]).toMatchObject({ topicPartition: `${topic}:0` });
  expect([newlyHalted, passedOver]).toEqual([[], 0]);
});

test('too many halted keys halt the partition in front of the next', () => {
  const many = Array.from({ length: haltedKeysMax }, (_, n): [string, HaltedKey] => {
    const key = `k${n}`;
    return [key, { key, offset: '1', error: 'E' }];
  });
  const { events, halt } = plan('halt', new Map(many));
  expect(events.map(({ offset }) => offset)).toEqual(['10']);
  expect(halt).toMatchObject({
    code: 'CQRS_EVENT_MALFORMED',
    message: expect.stringMatching(/1000 keys.*offset 11.*retry/) as string,
  });
  expect(plan('dead-letter', new Map(many)).halt).toBeNull();
});
