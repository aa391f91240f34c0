import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Kafka, logLevel } from 'kafkajs';
import { ensurePackages } from '../cluster/tools/debian-packages.ts';
import { pomLibraries } from '../cluster/tools/maven.ts';
import { freePort } from './loopback-port.ts';
import { eventually } from './eventually.ts';
import { run, startChild, temporaryFolder, type Child } from './process.ts';
import { mountSmallDisk, unmountBelow, type SmallDisk } from './small-disk.ts';

const formatMsMax = 60_000;
const readyMsMax = 90_000;
const readMsMax = 60_000;
/** The same coordinates as the image that stands in for Kafka in the local cluster. */
const pom = fileURLToPath(new URL('../cluster/images/kafka/pom.xml', import.meta.url));

/** A real Apache Kafka (KRaft, one node) on loopback. */
export type TestKafka = {
  readonly brokers: readonly string[];
  /** The CQRS_KAFKA_* variables of a program. */
  readonly env: Readonly<Record<string, string>>;
  readonly kill: () => Promise<void>;
  /** Starts it again on the same port and data. */
  readonly start: () => Promise<void>;
  readonly restart: () => Promise<void>;
  /** Freezes the broker: its connections stay open and nothing answers. */
  readonly pause: () => void;
  readonly resume: () => void;
  readonly running: () => boolean;
  /** Whether it answers on the listener that is not proxied. */
  readonly answers: () => Promise<boolean>;
  /** Where its data lies, when that is a disk of its own. */
  readonly disk: SmallDisk | null;
  /** Ends it and removes its data. */
  readonly stop: () => Promise<void>;
};

/** A listener whose clients are sent through a proxy: it listens on `port` and tells them `advertisedPort`. */
export type ProxiedListener = { readonly port: number; readonly advertisedPort: number };

export async function startKafka(
  options: { readonly proxied?: ProxiedListener; readonly diskMiB?: number } = {},
): Promise<TestKafka> {
  const libraries = await kafkaLibraries();
  const folder = await temporaryFolder('kafka');
  const port = await freePort();
  const dataFolder = join(folder, 'data');
  await mkdir(dataFolder);
  const { diskMiB } = options;
  const disk = diskMiB === undefined ? null : mountSmallDisk(dataFolder, diskMiB);
  const properties = join(folder, 'server.properties');
  const logging = join(folder, 'log4j2.yaml');
  await writeFile(
    properties,
    serverProperties(dataFolder, { port, controllerPort: await freePort(), ...options }),
  );
  await writeFile(logging, loggingSettings);
  const java = (heapMiB: number): string[] => [
    'java',
    `-Xmx${heapMiB}m`,
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    `-Dlog4j2.configurationFile=${logging}`,
    '-cp',
    join(libraries, '*'),
  ];
  const clusterId = randomBytes(16).toString('base64url');
  await run(
    [
      ...java(128),
      'kafka.tools.StorageTool',
      'format',
      `--cluster-id=${clusterId}`,
      `--config=${properties}`,
    ],
    { timeoutMs: formatMsMax },
  );

  let broker: Child;
  const brokers = [`127.0.0.1:${port}`];
  const start = async (): Promise<void> => {
    broker = await startChild([...java(384), 'kafka.Kafka', properties], { cwd: folder });
    await untilItAnswers({ brokers, clusterId }, () => broker);
    if (options.proxied === undefined) return;
    const throughProxy = [`127.0.0.1:${options.proxied.advertisedPort}`];
    await untilItAnswers({ brokers: throughProxy, clusterId }, () => broker);
  };
  await start();
  const kill = async (): Promise<void> => broker.kill();
  return {
    brokers,
    env: { CQRS_KAFKA_BROKERS: brokers.join(',') },
    kill,
    start,
    restart: async () => {
      await kill();
      await start();
    },
    pause: () => broker.signal('SIGSTOP'),
    resume: () => broker.signal('SIGCONT'),
    running: () => broker.running(),
    answers: () => answers({ brokers, clusterId }),
    disk,
    stop: async () => {
      await broker.kill();
      unmountBelow(folder);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

type Expected = { readonly brokers: string[]; readonly clusterId: string };

async function untilItAnswers(expected: Expected, broker: () => Child): Promise<void> {
  await eventually('Kafka to answer', readyMsMax, async () => {
    if (!broker().running()) throw new Error(`Kafka ended:\n${broker().output()}`);
    return answers(expected);
  });
}

/** Somebody else's broker may have been faster to take the port, and must not be mistaken for ours. */
async function answers({ brokers, clusterId }: Expected): Promise<boolean> {
  const kafka = new Kafka({
    brokers,
    clientId: 'test-support',
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
  });
  const admin = kafka.admin();
  try {
    await admin.connect();
    return (await admin.describeCluster()).clusterId === clusterId;
  } catch {
    return false;
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

export type TopicRecord = {
  readonly partition: number;
  readonly key: string;
  readonly value: unknown;
  readonly timestampMs: number;
  readonly headers: Readonly<Record<string, string>>;
};

/** Every record that a topic holds now, each partition's in its order. */
export async function readTopic(
  { brokers }: Pick<TestKafka, 'brokers'>,
  topic: string,
): Promise<readonly TopicRecord[]> {
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const ends = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  const missing = new Set(
    ends.filter(({ high, low }) => high !== low).map(({ partition }) => partition),
  );
  const records: TopicRecord[] = [];
  const consumer = kafka.consumer({ groupId: randomBytes(8).toString('hex'), maxWaitTimeInMs: 50 });
  try {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    const lastOffsets = new Map(ends.map(({ partition, high }) => [partition, BigInt(high) - 1n]));
    await consumer.run({
      autoCommit: false,
      eachMessage: async ({ partition, message }) => {
        const headers = Object.entries(message.headers ?? {}).map(([name, value]) => [
          name,
          String(value),
        ]);
        records.push({
          partition,
          key: String(message.key),
          value: JSON.parse(String(message.value)),
          timestampMs: Number(message.timestamp),
          headers: Object.fromEntries(headers) as Record<string, string>,
        });
        if (BigInt(message.offset) >= (lastOffsets.get(partition) ?? 0n)) missing.delete(partition);
      },
    });
    await eventually(`all of ${topic}`, readMsMax, () => missing.size === 0);
  } finally {
    await consumer.disconnect();
  }
  return records;
}

/** The jars of the broker; installs Java on a Debian machine without it. */
async function kafkaLibraries(): Promise<string> {
  await ensurePackages({ java: 'default-jre-headless' });
  return pomLibraries('kafka-libraries', pom);
}

const behindProxy = (listenerPort: number): string => `,PROXIED://127.0.0.1:${listenerPort}`;

function serverProperties(
  dataFolder: string,
  ports: {
    readonly port: number;
    readonly controllerPort: number;
    readonly proxied?: ProxiedListener;
  },
): string {
  const { port, controllerPort, proxied } = ports;
  const clients = `CLIENTS://127.0.0.1:${port}`;
  const [more, moreAdvertised] =
    proxied === undefined
      ? ['', '']
      : [behindProxy(proxied.port), behindProxy(proxied.advertisedPort)];
  return [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@127.0.0.1:${controllerPort}`,
    `listeners=${clients}${more},CONTROLLER://127.0.0.1:${controllerPort}`,
    `advertised.listeners=${clients}${moreAdvertised}`,
    'listener.security.protocol.map=CLIENTS:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name=CLIENTS',
    'controller.listener.names=CONTROLLER',
    `log.dirs=${dataFolder}`,
    'auto.create.topics.enable=false',
    'default.replication.factor=1',
    'min.insync.replicas=1',
    'offsets.topic.replication.factor=1',
    'offsets.topic.num.partitions=10',
    'transaction.state.log.replication.factor=1',
    'transaction.state.log.min.isr=1',
    'transaction.state.log.num.partitions=10',
    'share.coordinator.state.topic.replication.factor=1',
    'share.coordinator.state.topic.min.isr=1',
    'group.initial.rebalance.delay.ms=0',
    // A killed broker may come back only after its old session is over.
    'broker.session.timeout.ms=2000',
    'broker.heartbeat.interval.ms=500',
    'log.retention.ms=-1',
    'num.network.threads=2',
    'num.io.threads=4',
    'log.cleaner.dedupe.buffer.size=33554432',
    '',
  ].join('\n');
}

const loggingSettings = `Configuration:
  status: WARN
  Appenders:
    Console:
      name: stdout
      PatternLayout: {pattern: '%d{ISO8601} %-5p %c{1} %m%n'}
  Loggers:
    Root:
      level: WARN
      AppenderRef: {ref: stdout}
`;
