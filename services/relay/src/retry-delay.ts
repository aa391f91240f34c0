import type { ErrorCode } from '@cqrs/contract/errors.ts';
import { isCalm, needsPerson } from './slot-decision.ts';

const delayMsMin = 100;
const delayMsMax = 5_000;
/** How often we look whether another relay is gone, or the write side has migrated. */
const calmMs = 500;
/** How often we look whether a person has acted. */
const closedMs = 5_000;

/** How long to wait after the `failures`-th failure in a row; `random` is from 0 to 1. */
export function retryDelayMs(code: ErrorCode, failures: number, random: number): number {
  if (isCalm(code)) return calmMs;
  if (needsPerson(code)) return closedMs;
  const delayMs = Math.min(delayMsMin * 2 ** (failures - 1), delayMsMax);
  return delayMs * (0.5 + random / 2);
}
