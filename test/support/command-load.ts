import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

/** Commands that were sent and what became of them. */
export type CommandLoad = {
  /** Highest acknowledged version of each id. */
  readonly acknowledged: ReadonlyMap<string, number>;
  readonly acknowledgedCount: () => number;
  readonly unavailable: () => number;
  /** Answers that no client should get: anything but 200, 201 and a 503 with Retry-After. */
  readonly unexpected: readonly string[];
  readonly latenciesMs: readonly number[];
  readonly stop: () => Promise<void>;
};

/** Puts and patches aggregates over HTTP, `clients` at a time, each with a pause, until stopped. */
export function startCommandLoad(options: {
  readonly url: string;
  readonly aggregate: string;
  readonly ids: number;
  readonly clients: number;
  readonly pauseMs?: number;
}): CommandLoad {
  const { url, aggregate, ids, clients, pauseMs = 0 } = options;
  const acknowledged = new Map<string, number>();
  const unexpected: string[] = [];
  const latenciesMs: number[] = [];
  const counts = { acknowledged: 0, unavailable: 0, sent: 0 };
  const stopping = new AbortController();

  const once = async (): Promise<void> => {
    const id = `k${randomInt(ids)}`;
    counts.sent += 1;
    const startMs = performance.now();
    const answer = await fetch(`${url}/${aggregate}/${id}`, {
      method: acknowledged.has(id) && randomInt(2) === 0 ? 'PATCH' : 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ [`f${randomInt(5)}`]: counts.sent }),
    });
    const body = (await answer.json()) as { readonly version?: number };
    if (answer.ok && body.version !== undefined) {
      latenciesMs.push(performance.now() - startMs);
      counts.acknowledged += 1;
      acknowledged.set(id, Math.max(acknowledged.get(id) ?? 0, body.version));
    } else if (answer.status === 503 && answer.headers.has('retry-after')) {
      counts.unavailable += 1;
      await delay(20);
    } else {
      unexpected.push(`${answer.status} ${JSON.stringify(body)}`);
    }
  };
  const client = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await once().catch((error: unknown) => unexpected.push(String(error)));
      if (pauseMs > 0) await delay(pauseMs);
    }
  };
  const done = Promise.all(Array.from({ length: clients }, client));
  return {
    acknowledged,
    acknowledgedCount: () => counts.acknowledged,
    unavailable: () => counts.unavailable,
    unexpected,
    latenciesMs,
    stop: async () => {
      stopping.abort();
      await done;
    },
  };
}
