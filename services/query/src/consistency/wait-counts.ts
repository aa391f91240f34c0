import { DurationHistogram } from '../duration-histogram.ts';

/** What becomes of a read that asks for certain writes and does not see at once that they are there. */
export const waitOutcomes = [
  'passed',
  'halted',
  'dead-lettered',
  'late',
  'stopping',
  'overloaded',
  'store-unavailable',
  'abandoned',
] as const;
type WaitOutcomeKind = (typeof waitOutcomes)[number];

export class WaitCounts {
  readonly outcomes: Record<WaitOutcomeKind, number> = {
    passed: 0,
    halted: 0,
    'dead-lettered': 0,
    late: 0,
    stopping: 0,
    overloaded: 0,
    'store-unavailable': 0,
    abandoned: 0,
  };
  readonly durations = new DurationHistogram();

  note(outcome: WaitOutcomeKind, ms: number): void {
    this.outcomes[outcome] += 1;
    this.durations.note(ms);
  }
}
