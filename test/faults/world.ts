/** Starts everything that a run needs: the stores, a proxy on each link that is to be hurt, and every program. */
import { randomBytes } from 'node:crypto';
import { startKafka, type TestKafka } from '../support/kafka.ts';
import { freePort } from '../support/loopback-port.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { eventually } from '../support/eventually.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { smallDisksProblem, type SmallDisk } from '../support/small-disk.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { get } from './http.ts';
import type { TargetNames } from './plan.ts';
import { startProgram, type Program, type ProgramKind } from './program.ts';
import {
  diskTarget,
  kafkaTarget,
  linkTarget,
  postgresTarget,
  redisTarget,
  type Target,
} from './target.ts';
import { readServices, writeServices, type ReadService, type WriteName } from './topology.ts';

/** Short, so that a relay that is frozen for some seconds loses its slot to the other one. */
const walSenderTimeoutMs = 8_000;
const readyMsMax = 120_000;
const tokenKeyBytes = 32;
const replicas = { command: [0, 1], relay: [0, 1], projector: [0, 1], query: [0] } as const;

/** The stores that have a disk of their own, of a size that a run of an hour does not fill by itself. */
const smallDisks = {
  postgres: { name: 'orders', diskMiB: 768 },
  kafka: { diskMiB: 1_024 },
  redis: { name: 'order-history', diskMiB: 768 },
} as const;

export type World = {
  /** Base64; commands and queries have it, and whoever looks into tokens. */
  readonly tokenKey: string;
  /** Kinds of faults that this machine does not allow, and why; null when all are there. */
  readonly leftOut: string | null;
  readonly kafka: TestKafka;
  readonly postgres: (service: WriteName) => TestPostgres;
  readonly programs: readonly Program[];
  readonly programsOf: (service: string, kind: ProgramKind) => readonly Program[];
  readonly targetNames: TargetNames;
  readonly target: (name: string) => Target;
  /** Ends every process and removes every folder, also after half a start. */
  readonly stop: () => Promise<void>;
};

type Stop = () => Promise<void>;

/** `onStop` is told of each thing that was started, at once, so that an interrupted start leaves nothing behind. */
export async function startWorld(onStep: (what: string) => void): Promise<World> {
  const stops: Stop[] = [];
  const stop = async (): Promise<void> => {
    // The last started is the first to go: programs before their stores.
    for (const one of stops.toReversed()) await one();
  };
  try {
    onStep('stores');
    const diskProblem = await smallDisksProblem();
    const stores = await startStores(stops, diskProblem === null);
    onStep('programs');
    const tokenKey = randomBytes(tokenKeyBytes).toString('base64');
    const programs = await startPrograms(stores, tokenKey, stops);
    onStep('first events');
    await untilReady(programs);
    const targets = targetsOf(stores, programs);
    return {
      tokenKey,
      leftOut: diskProblem === null ? null : `disks filled: ${diskProblem}`,
      kafka: stores.kafka,
      postgres: (service) => found(stores.postgres, service),
      programs,
      programsOf: (service, kind) =>
        programs.filter((program) => program.service === service && program.kind === kind),
      targetNames: targetNames(stores, programs),
      target: (name) => found(targets, name),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Stores = {
  readonly kafka: TestKafka;
  readonly postgres: ReadonlyMap<WriteName, TestPostgres>;
  readonly redis: ReadonlyMap<ReadService['name'], TestRedis>;
  /** By `<from> to <store>`. */
  readonly links: ReadonlyMap<string, TcpProxy>;
};

const relayLink = 'relays to kafka';
const commandLink = (service: string): string => `${service}/command to postgres`;
const projectorLink = (service: string): string => `${service}/projector to redis`;

async function startStores(stops: Stop[], withDisks: boolean): Promise<Stores> {
  const started = async <T extends { stop: () => Promise<void> }>(
    starting: Promise<T>,
  ): Promise<T> => {
    const one = await starting;
    stops.push(() => one.stop());
    return one;
  };
  const listenerPort = await freePort();
  const relayProxy = await started(startTcpProxy({ port: listenerPort }));
  const proxied = { port: listenerPort, advertisedPort: relayProxy.port };
  const links = new Map([[relayLink, relayProxy]]);
  const postgres = new Map<WriteName, TestPostgres>();
  const redis = new Map<ReadService['name'], TestRedis>();
  const [kafka] = await Promise.all([
    started(startKafka({ proxied, ...(withDisks ? smallDisks.kafka : {}) })),
    ...writeServices.map(async ({ name }) => {
      const server = await started(startPostgres(diskFor(withDisks, smallDisks.postgres, name)));
      await server.sql.unsafe(`alter system set wal_sender_timeout = ${walSenderTimeoutMs}`);
      await server.sql`select pg_reload_conf()`;
      postgres.set(name, server);
      links.set(commandLink(name), await started(startTcpProxy(server)));
    }),
    ...readServices.map(async ({ name }) => {
      const server = await started(startRedis(diskFor(withDisks, smallDisks.redis, name)));
      redis.set(name, server);
      links.set(projectorLink(name), await started(startTcpProxy(server)));
    }),
  ]);
  return { kafka, postgres, redis, links };
}

function diskFor(
  withDisks: boolean,
  of: { readonly name: string; readonly diskMiB: number },
  name: string,
): { readonly diskMiB?: number } {
  return withDisks && of.name === name ? { diskMiB: of.diskMiB } : {};
}

async function startPrograms(
  stores: Stores,
  tokenKey: string,
  stops: Stop[],
): Promise<readonly Program[]> {
  const programs: Program[] = [];
  const start = async (
    kind: ProgramKind,
    service: string,
    settings: { readonly config: object; readonly env: Readonly<Record<string, string>> },
  ): Promise<void> => {
    for (const replica of replicas[kind]) {
      const program = await startProgram({ kind, service, replica, ...settings });
      stops.push(program.stop);
      programs.push(program);
    }
  };
  const { kafka, postgres, redis, links } = stores;
  const token = { CQRS_TOKEN_KEY: tokenKey };
  const port = (link: string): string => String(found(links, link).port);
  for (const { name, commandConfig, relayConfig } of writeServices) {
    const server = found(postgres, name);
    const commandPort = { CQRS_POSTGRES_PORT: port(commandLink(name)) };
    const commandEnv = { ...server.env('command'), ...commandPort, ...token };
    await start('command', name, { config: commandConfig, env: commandEnv });
    const brokers = { CQRS_KAFKA_BROKERS: `127.0.0.1:${port(relayLink)}` };
    await start('relay', name, {
      config: relayConfig,
      env: { ...server.env('relay'), ...brokers },
    });
  }
  for (const { name, config } of readServices) {
    const { env } = found(redis, name);
    const projectorEnv = { ...env, ...kafka.env, CQRS_REDIS_PORT: port(projectorLink(name)) };
    await start('projector', name, { config, env: projectorEnv });
    await start('query', name, { config, env: { ...env, ...token } });
  }
  return programs;
}

async function isReady(program: Program): Promise<boolean> {
  const answer = await get(`${program.ops()}/readyz`);
  return answer.ok && answer.status === 200;
}

/** Commands and queries answer, and of each service's relays one streams; the other stands by and is not ready. */
async function untilReady(programs: readonly Program[]): Promise<void> {
  const serving = programs.filter(({ kind }) => kind === 'command' || kind === 'query');
  for (const program of serving) {
    await eventually(`${program.name} to be ready`, readyMsMax, () => isReady(program));
  }
  for (const { name } of writeServices) {
    const relays = programs.filter(({ kind, service }) => kind === 'relay' && service === name);
    await eventually(`a relay of ${name} to stream`, readyMsMax, async () =>
      (await Promise.all(relays.map(isReady))).includes(true),
    );
  }
}

/**
 * A broker that could not write what its group coordinator decided may go on without that coordinator for ever and
 * answer NOT_COORDINATOR (seen with seed 61 on Kafka 4.1.1); only a restart mends it.
 */
const diskOf = (what: string, store: TestKafka | TestPostgres | TestRedis): Target =>
  store.disk === null ? {} : diskTarget(what, store.disk, store, { restarted: what === 'Kafka' });

function targetsOf(stores: Stores, programs: readonly Program[]): ReadonlyMap<string, Target> {
  return new Map<string, Target>([
    ['kafka', { ...kafkaTarget(stores.kafka), ...diskOf('Kafka', stores.kafka) }],
    ...programs.map(({ name, target }) => [name, target] as const),
    ...[...stores.postgres].map(
      ([name, one]) =>
        [`${name}/postgres`, { ...postgresTarget(one), ...diskOf('Postgres', one) }] as const,
    ),
    ...[...stores.redis].map(
      ([name, one]) => [`${name}/redis`, { ...redisTarget(one), ...diskOf('Redis', one) }] as const,
    ),
    ...[...stores.links].map(([name, proxy]) => [name, linkTarget(proxy)] as const),
  ]);
}

/** Sorted, as stores start in any order and a seed must always give the same faults. */
function targetNames(stores: Stores, programs: readonly Program[]): TargetNames {
  const names = (kind: ProgramKind): readonly string[] =>
    programs.filter((program) => program.kind === kind).map(({ name }) => name);
  return {
    command: names('command'),
    relay: names('relay'),
    projector: names('projector'),
    query: names('query'),
    postgres: [...stores.postgres.keys()].map((name) => `${name}/postgres`).toSorted(),
    kafka: ['kafka'],
    redis: [...stores.redis.keys()].map((name) => `${name}/redis`).toSorted(),
    link: [...stores.links.keys()].toSorted(),
    'postgres-disk': withDisk(stores.postgres).map((name) => `${name}/postgres`),
    'kafka-disk': stores.kafka.disk === null ? [] : ['kafka'],
    'redis-disk': withDisk(stores.redis).map((name) => `${name}/redis`),
  };
}

function withDisk(
  stores: ReadonlyMap<string, { readonly disk: SmallDisk | null }>,
): readonly string[] {
  return [...stores].flatMap(([name, { disk }]) => (disk === null ? [] : [name])).toSorted();
}

function found<K, V>(map: ReadonlyMap<K, V>, key: K): V {
  const value = map.get(key);
  if (value === undefined) throw new Error(`There is no ${String(key)}.`);
  return value;
}
