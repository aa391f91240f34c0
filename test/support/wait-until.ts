import { setTimeout as delay } from 'node:timers/promises';

/** Polls a condition until it gives a value; after the bound the error says what was waited for and what was last seen. */
export async function waitUntil<T>(
  what: string,
  limits: { readonly timeoutMs: number; readonly periodMs: number },
  condition: () => Promise<{ readonly value: T } | { readonly seen: string }>,
): Promise<T> {
  const deadlineMs = performance.now() + limits.timeoutMs;
  for (;;) {
    const answer = await condition();
    if ('value' in answer) return answer.value;
    if (performance.now() > deadlineMs) {
      throw new Error(
        `Waited ${limits.timeoutMs / 1000} s for ${what}; last seen: ${answer.seen}.`,
      );
    }
    await delay(limits.periodMs);
  }
}
