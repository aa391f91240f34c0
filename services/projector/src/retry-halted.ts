/**
 * The command for whoever has mended what halted a key or a partition. It works on Redis alone; the projector finds out
 * by itself, at the latest when it looks at its leases, that it must go on from an earlier position.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { ProjectorConfig, ViewConfig } from '@cqrs/contract/config.ts';
import { readConfigFile } from '@cqrs/runtime/config.ts';
import { connectRedis, readyOrLate, redisAddress } from '@cqrs/runtime/read-store/connection.ts';
import { createHaltedStore, type HaltedStore, type Retried } from './halted-store.ts';
import { parseRetryOptions, retryUsage, type RetryOptions } from './retry-options.ts';
import {
  exitCodeOf,
  exitCodes,
  isNothing,
  outcomeSentences,
  retriedSentences,
  retryOutcome,
  type RetryOutcome,
} from './retry-outcome.ts';

const redisCommandMsMax = 3_000;
const redisWaitMsMax = 5_000;
const lookAgainMs = 200;

type Attempt = {
  readonly name: string;
  readonly topicPartition: string;
  readonly store: HaltedStore;
  readonly retried: Retried;
};

function say(lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`);
}

function refuse(detail: string): number {
  process.stderr.write(`${detail}\n`);
  return exitCodes.notTried;
}

async function run(): Promise<number> {
  const parsed = parseRetryOptions(process.argv.slice(2));
  if (!parsed.ok) return refuse(`${parsed.detail}\n${retryUsage}`);
  const { options } = parsed;
  const { service, views } = readConfigFile(process.env) as ProjectorConfig;
  const chosen = views.filter(({ name }) => options.view === undefined || name === options.view);
  if (chosen.length === 0) {
    const names = views.map(({ name }) => name).join(', ');
    return refuse(`There is no view ${options.view}; there is ${names}.`);
  }
  const redis = connectRedis(redisAddress(process.env), {
    name: 'cqrs-retry-halted',
    commandTimeoutMs: redisCommandMsMax,
  });
  // Every call says so itself.
  redis.on('error', () => undefined);
  try {
    await readyOrLate(redis, redisWaitMsMax);
    const stores = chosen.map((view) => ({ view, store: createHaltedStore(redis, service, view) }));
    const attempts = await retryAll(stores, options);
    if (attempts.length === 0) say(['Nothing is halted.']);
    return exitCodeOf(await follow(attempts, options.waitMs));
  } finally {
    redis.disconnect();
  }
}

async function retryAll(
  stores: readonly { readonly view: ViewConfig; readonly store: HaltedStore }[],
  { key }: RetryOptions,
): Promise<readonly Attempt[]> {
  const attempts: Attempt[] = [];
  for (const { view, store } of stores) {
    for (const topicPartition of await store.topicPartitions()) {
      const retried = await store.retry(topicPartition, key);
      if (isNothing(retried)) continue;
      const name = `View ${view.name}, ${topicPartition}`;
      say(retriedSentences(name, retried));
      attempts.push({ name, topicPartition, store, retried });
    }
  }
  return attempts;
}

/** Looks until it is known how every attempt fares, or the time is over, and tells each as soon as it is known. */
async function follow(
  attempts: readonly Attempt[],
  waitMs: number,
): Promise<readonly RetryOutcome[]> {
  const deadlineMs = performance.now() + waitMs;
  const known = new Map<Attempt, RetryOutcome>();
  for (;;) {
    const isOver = performance.now() >= deadlineMs;
    for (const attempt of attempts) {
      if (known.has(attempt)) continue;
      const { name, retried } = attempt;
      const outcome = await look(attempt);
      if (outcome.kind === 'waiting' && !isOver) continue;
      known.set(attempt, outcome);
      say(outcomeSentences(name, retried, outcome));
    }
    if (known.size === attempts.length) return [...known.values()];
    await delay(lookAgainMs);
  }
}

/** The retry itself is done, so a Redis that goes away now only delays the news. */
async function look({ store, topicPartition, retried }: Attempt): Promise<RetryOutcome> {
  try {
    return retryOutcome(retried, await store.progress(topicPartition));
  } catch {
    return { kind: 'waiting' };
  }
}

try {
  process.exitCode = await run();
} catch (error) {
  process.exitCode = refuse(error instanceof Error ? error.message : String(error));
}
