import type { ErrorCode } from '@cqrs/contract/errors.ts';
import { needsPerson } from './slot-decision.ts';

const delayMsMin = 100;
const delayMsMax = 5_000;
/** A standby asks this often whether the other relay is gone. */
const standbyMs = 500;
/** How often we look whether a person has acted. */
const closedMs = 5_000;

/** How long to wait after the `failures`-th failure in a row; `random` is from 0 to 1. */
export function retryDelayMs(code: ErrorCode, failures: number, random: number): number {
  if (code === 'CQRS_SLOT_BUSY') return standbyMs;
  if (needsPerson(code)) return closedMs;
  const delayMs = Math.min(delayMsMin * 2 ** (failures - 1), delayMsMax);
  return delayMs * (0.5 + random / 2);
}
