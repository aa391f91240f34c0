import { expect, test } from 'vitest';
import {
  exitCodeOf,
  isNothing,
  outcomeSentences,
  retriedSentences,
  retryOutcome,
} from './retry-outcome.ts';

const stood = { key: 'o1', offset: '4', error: 'CQRS_EVENT_MALFORMED: It is no JSON.' };
const other = { key: '', offset: '6', error: 'It has no key.' };
const retried = { before: '9', after: '4', partition: '', keys: [stood, other] };
const whole = { before: '9', after: '9', partition: 'CQRS_VERSION_GAP: Gap.', keys: [] };
const progress = (offset: string, keys: readonly (typeof stood)[] = [], partition = '') => ({
  offset,
  partition,
  keys: new Map(keys.map((each) => [each.key, each] as const)),
});

test('waits until the position is back where it was', () => {
  expect(retryOutcome(retried, progress('8'))).toEqual({ kind: 'waiting' });
  expect(retryOutcome(retried, progress('8', [stood]))).toEqual({ kind: 'waiting' });
  expect(retryOutcome(retried, progress('9', [stood]))).toEqual({
    kind: 'known',
    gone: [''],
    halted: [stood],
    partition: '',
  });
  expect(retryOutcome(retried, progress('7', [stood, other]))).toMatchObject({
    gone: [],
    halted: [stood, other],
  });
});

test('a partition that stood still must come further, or halt again', () => {
  expect(retryOutcome(whole, progress('9'))).toEqual({ kind: 'waiting' });
  expect(retryOutcome(whole, progress('10'))).toMatchObject({ kind: 'known', partition: '' });
  expect(retryOutcome(whole, progress('9', [], 'Gap.'))).toMatchObject({ partition: 'Gap.' });
  // Halted on the way, nothing is said of keys further on.
  expect(retryOutcome(retried, progress('5', [stood], 'Gap.'))).toMatchObject({
    gone: [],
    halted: [stood],
  });
});

test('the exit code names the worst', () => {
  const waiting = { kind: 'waiting' } as const;
  const known = { kind: 'known', gone: ['o1'], halted: [], partition: '' } as const;
  expect(exitCodeOf([])).toBe(0);
  expect(exitCodeOf([known])).toBe(0);
  expect(exitCodeOf([known, waiting])).toBe(3);
  expect(exitCodeOf([waiting, { ...known, halted: [stood] }])).toBe(1);
  expect(exitCodeOf([{ ...known, partition: 'Gap.' }])).toBe(1);
});

test('tells in sentences what stood still and how it fares', () => {
  expect(isNothing({ before: '9', after: '9', partition: '', keys: [] })).toBe(true);
  expect(isNothing(whole)).toBe(false);
  expect(retriedSentences('View v, t:0', retried)).toEqual([
    'View v, t:0: key "o1" stood still at offset 4. CQRS_EVENT_MALFORMED: It is no JSON.',
    'View v, t:0: what has no key stood still at offset 6. It has no key.',
    'View v, t:0: the projector goes on at offset 4; what was applied already is left as it is.',
  ]);
  expect(outcomeSentences('P', retried, retryOutcome(retried, progress('9', [stood])))).toEqual([
    'P: what has no key goes on.',
    'P: key "o1" is halted again at offset 4. CQRS_EVENT_MALFORMED: It is no JSON.',
  ]);
  expect(outcomeSentences('P', whole, retryOutcome(whole, progress('10')))).toEqual([
    'P: the partition goes on.',
  ]);
  expect(outcomeSentences('P', whole, { kind: 'waiting' })[0]).toMatch(/not known yet.*offset 9/);
});
