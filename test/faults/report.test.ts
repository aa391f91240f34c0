import { expect, test } from 'vitest';
import {
  commandsLine,
  differenceLines,
  faultsLine,
  reasonsLine,
  tokenReadsLine,
} from './report.ts';
import type { SentCommand } from './ledger.ts';

const refused = (reason: string) => ({ outcome: { kind: 'refused', reason } }) as SentCommand;

test('counts are one line each', () => {
  const counts = { acknowledged: 5, refused: 2, unknown: 1, pending: 1, unexpected: 0 };
  expect(commandsLine(counts)).toBe('9 commands: 5 acknowledged, 2 refused, 1 unknown');
  expect(
    faultsLine([
      { group: 'kafka', kind: 'kill' },
      { group: 'command', kind: 'freeze' },
      { group: 'kafka', kind: 'kill' },
    ]),
  ).toBe('3 faults: command freeze 1, kafka kill 2');
  expect(faultsLine([])).toBe('0 faults: none');
});

test('refusals are counted by their reason', () => {
  expect(reasonsLine([refused('412'), refused('404'), refused('412')], 'refused')).toBe(
    'refused: 404 1, 412 2',
  );
});

test('a difference says what, where, expected and seen', () => {
  const text = differenceLines({ what: 'All is well', key: 'o1', expected: { a: 1 }, seen: null });
  expect(text).toMatch(/DIFFERENCE {2}All is well\n.*o1\n.*\{ a: 1 \}\n.*null/u);
});

test('reads with tokens are counted by what came of them', () => {
  expect(tokenReadsLine({ shown: 5, stale: 1, late: 2, unavailable: 3, unanswered: 4 })).toBe(
    '15 reads with tokens: 5 shown, 1 stale and marked, 2 late, 3 refused, 4 without an answer',
  );
});
