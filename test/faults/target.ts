import type { TcpProxy } from '../support/tcp-proxy.ts';
import type { TestKafka } from '../support/kafka.ts';
import type { TestPostgres } from '../support/postgres.ts';
import { eventually } from '../support/eventually.ts';
import type { SmallDisk } from '../support/small-disk.ts';
import type { TestRedis } from '../support/redis.ts';
import type { FaultKind } from './plan.ts';

/** Waits as long as the fault shall last, or until the run is given up. */
type Hold = () => Promise<void>;

/** What can be hurt, and how; each resolves when the damage is undone. */
export type Target = { readonly [kind in FaultKind]?: (hold: Hold) => Promise<void> };

const startAgainMsMax = 120_000;
/** A store that runs and does not answer for so long is started anew, as a liveness probe would have it. */
const livenessMsMax = 30_000;

/** A killed server leaves its port and its shared memory a moment longer than its process. */
async function startAgain(what: string, start: () => Promise<void>): Promise<void> {
  let reason: unknown;
  const started = async (): Promise<boolean> =>
    start().then(
      () => true,
      (error: unknown) => {
        reason = error;
        return false;
      },
    );
  await eventually(`${what} to start again`, startAgainMsMax, started).catch((cause: unknown) => {
    throw new Error(`${what} does not start again: ${String(reason)}`, { cause });
  });
}

export function postgresTarget(postgres: TestPostgres): Target {
  return {
    kill: async (hold) => {
      await postgres.kill();
      await hold();
      await startAgain('Postgres', postgres.start);
    },
    restart: async (hold) => {
      await postgres.shutDown();
      await hold();
      await startAgain('Postgres', postgres.start);
    },
    freeze: async (hold) => {
      await postgres.pause();
      await hold();
      await postgres.resume();
    },
  };
}

export function kafkaTarget(kafka: TestKafka): Target {
  return {
    kill: async (hold) => {
      await kafka.kill();
      await hold();
      await startAgain('Kafka', kafka.start);
    },
    freeze: async (hold) => {
      kafka.pause();
      await hold();
      kafka.resume();
    },
  };
}

export function redisTarget(redis: TestRedis): Target {
  return {
    kill: async (hold) => {
      await redis.kill();
      await hold();
      await startAgain('Redis', redis.start);
    },
    freeze: async (hold) => {
      redis.pause();
      await hold();
      redis.resume();
    },
    /** What is written while it holds is lost with the rolling back. */
    'roll-back': async (hold) => {
      await redis.copyData();
      await hold();
      await redis.rollBack();
    },
  };
}

type Store = {
  readonly running: () => boolean;
  readonly answers: () => Promise<boolean>;
  readonly kill: () => Promise<void>;
  readonly start: () => Promise<void>;
};

/**
 * Space is given back after a while; a store that ended over it is then started as a kubelet would. One that is
 * `restarted` is so in any case, as its administrator would.
 */
export function diskTarget(
  what: string,
  disk: SmallDisk,
  store: Store,
  { restarted }: { readonly restarted: boolean },
): Target {
  return {
    fill: async (hold) => {
      await disk.fill();
      await hold();
      await disk.empty();
      if (restarted && store.running()) await store.kill();
      const answersOrEnded = async (): Promise<boolean> =>
        !store.running() || (await store.answers());
      await eventually(`${what} to recover`, livenessMsMax, answersOrEnded).catch(store.kill);
      if (!store.running()) await startAgain(what, store.start);
    },
  };
}

export function linkTarget(proxy: TcpProxy): Target {
  return {
    cut: async () => proxy.cut(),
    refuse: async (hold) => {
      proxy.refuse();
      await hold();
      proxy.accept();
    },
    /** A black hole that is found out about at its end, as when a node's conntrack entry is gone. */
    stall: async (hold) => {
      proxy.stall();
      await hold();
      proxy.cut();
    },
  };
}
