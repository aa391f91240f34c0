import { setTimeout as delay } from 'node:timers/promises';

const periodMs = 20;

/** For how long a condition is waited for, and how often it is looked at. */
export type WaitLimits = { readonly timeoutMs: number; readonly periodMs: number };

/** Tells what stands in the way of the condition now. */
export type Saw = (seen: string) => void;

/**
 * Polls until `condition` gives a value other than undefined or false. After the bound the error says what was waited
 * for, and what the condition saw last if it told. A number is a bound in milliseconds with a look every 20.
 */
export async function eventually<T>(
  what: string,
  limits: number | WaitLimits,
  condition: (saw: Saw) => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  const bounds = typeof limits === 'number' ? { timeoutMs: limits, periodMs } : limits;
  const deadlineMs = performance.now() + bounds.timeoutMs;
  for (;;) {
    let lastSeen = '';
    const value = await condition((seen) => {
      lastSeen = `; last seen: ${seen}`;
    });
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadlineMs) {
      throw new Error(`Waited ${bounds.timeoutMs} ms for ${what}${lastSeen}.`);
    }
    await delay(bounds.periodMs);
  }
}
