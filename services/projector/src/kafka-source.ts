import { connect } from 'node:net';
import { Kafka, logLevel, type Admin, type EachBatchPayload, type LogEntry } from 'kafkajs';
import { CqrsError } from '@cqrs/contract/errors.ts';
import type { Logger } from '@cqrs/runtime/logger.ts';
import type { KafkaRecord } from './decode-event.ts';

/** Bounds of one fetch: a partition's share is also what is decoded and applied before the next fetch. */
const partitionBytesMax = 1024 * 1024;
const fetchBytesMax = 8 * 1024 * 1024;
/** The broker answers as soon as there is one record; this is how long it holds the question otherwise. */
const longPollMsMax = 500;
const partitionsConcurrentlyMax = 4;

/** The broker's smallest: how long a killed projector's partitions wait for a new owner. */
const sessionTimeoutMs = 6_000;
const heartbeatIntervalMs = 1_500;
const rebalanceTimeoutMs = 10_000;
const requestTimeoutMs = 10_000;
const connectTimeoutMs = 3_000;
/** Kept short, because the projector's loop owns retries: it starts the consumer anew. */
const retry = {
  retries: 3,
  initialRetryTime: 100,
  maxRetryTime: 1_000,
  factor: 0.2,
  multiplier: 2,
};

export type TopicPartition = { readonly topic: string; readonly partition: number };

/** Offsets that a partition holds: from `low`, up to but without `high`. */
export type PartitionOffsets = {
  readonly partition: number;
  readonly low: bigint;
  readonly high: bigint;
};

export type FetchedBatch = TopicPartition & {
  /** The offset that was asked for; records may begin later where offsets are sparse. */
  readonly fetchedOffset: bigint;
  /** Where reading goes on behind this batch. */
  readonly nextOffset: bigint;
  readonly highWatermark: bigint;
  readonly records: readonly KafkaRecord[];
  /** False once the consumer stops or a seek has made this batch worthless. */
  readonly isWanted: () => boolean;
  /** Throws when the group has given the partition to somebody else; let that pass to the consumer. */
  readonly heartbeat: () => Promise<void>;
  /** The next fetch goes on behind this batch. */
  readonly resolve: () => void;
};

/** What may be done to a partition that is assigned; a partition that is not ignores it. */
export type ConsumerControls = {
  readonly seek: (where: TopicPartition, offset: bigint) => void;
  readonly pause: (where: TopicPartition) => void;
  readonly resume: (where: TopicPartition) => void;
};

type ConsumerHandlers = {
  /** Called at every (re)assignment, with all partitions. Fetching starts at the beginning until `seek` says otherwise. */
  readonly onAssigned: (partitions: readonly TopicPartition[], controls: ConsumerControls) => void;
  readonly onBatch: (batch: FetchedBatch) => Promise<void>;
  /** The broker gave only records that a reader does not see (transaction markers); reading goes on at `nextOffset`. */
  readonly onSkipped: (where: TopicPartition, nextOffset: bigint) => void;
};

type Consumption = {
  /** The error that ended the consumer; undefined while it runs. */
  readonly failure: () => CqrsError | undefined;
  readonly stop: () => Promise<void>;
};

/** All that the projector asks of Kafka; nothing is ever committed there, positions live in the read store. */
export type KafkaSource = {
  /** Which of these topics exist. */
  readonly existing: (topics: readonly string[]) => Promise<readonly string[]>;
  readonly offsets: (topic: string) => Promise<readonly PartitionOffsets[]>;
  readonly consume: (
    groupId: string,
    topics: readonly string[],
    handlers: ConsumerHandlers,
  ) => Promise<Consumption>;
  readonly close: () => Promise<void>;
};

export function createKafkaSource(brokers: readonly string[], logger: Logger): KafkaSource {
  const kafka = new Kafka({
    clientId: 'cqrs-projector',
    brokers: [...brokers],
    connectionTimeout: connectTimeoutMs,
    requestTimeout: requestTimeoutMs,
    retry,
    logLevel: logLevel.WARN,
    logCreator: () => (entry) => writeLog(logger, entry),
    socketFactory: ({ host, port, onConnect }) =>
      connect({ host, port, noDelay: true, keepAlive: true }, onConnect),
  });
  let admin: Promise<Admin> | undefined;

  /** An admin client that failed once may hold a dead broker, so the next question gets a new one. */
  const ask = async <T>(question: (admin: Admin) => Promise<T>): Promise<T> => {
    admin ??= connectAdmin(kafka);
    try {
      return await question(await admin);
    } catch (error) {
      await forgetAdmin();
      throw sourceFailure(error);
    }
  };
  const forgetAdmin = async (): Promise<void> => {
    const old = admin;
    admin = undefined;
    await old?.then((client) => client.disconnect()).catch(() => undefined);
  };

  return {
    existing: async (topics) => {
      const all = new Set(await ask((client) => client.listTopics()));
      return topics.filter((topic) => all.has(topic));
    },
    offsets: async (topic) =>
      (await ask((client) => client.fetchTopicOffsets(topic))).map(({ partition, low, high }) => ({
        partition,
        low: BigInt(low),
        high: BigInt(high),
      })),
    consume: (groupId, topics, handlers) => consume(kafka, { groupId, topics }, handlers),
    close: forgetAdmin,
  };
}

async function connectAdmin(kafka: Kafka): Promise<Admin> {
  const admin = kafka.admin({ retry });
  await admin.connect();
  return admin;
}

function only({ topic, partition }: TopicPartition): { topic: string; partitions: number[] }[] {
  return [{ topic, partitions: [partition] }];
}

async function consume(
  kafka: Kafka,
  { groupId, topics }: { readonly groupId: string; readonly topics: readonly string[] },
  handlers: ConsumerHandlers,
): Promise<Consumption> {
  const consumer = kafka.consumer({
    groupId,
    allowAutoTopicCreation: false,
    sessionTimeout: sessionTimeoutMs,
    heartbeatInterval: heartbeatIntervalMs,
    rebalanceTimeout: rebalanceTimeoutMs,
    minBytes: 1,
    maxBytes: fetchBytesMax,
    maxBytesPerPartition: partitionBytesMax,
    maxWaitTimeInMs: longPollMsMax,
    retry: { ...retry, restartOnFailure: () => Promise.resolve(false) },
  });
  let failure: CqrsError | undefined;
  const controls: ConsumerControls = {
    seek: (where, offset) => consumer.seek({ ...where, offset: String(offset) }),
    pause: (where) => consumer.pause(only(where)),
    resume: (where) => consumer.resume(only(where)),
  };
  consumer.on('consumer.crash', ({ payload }) => {
    failure = sourceFailure(payload.error);
  });
  consumer.on('consumer.group_join', ({ payload }) => {
    handlers.onAssigned(
      Object.entries(payload.memberAssignment).flatMap(([topic, partitions]) =>
        partitions.map((partition) => ({ topic, partition })),
      ),
      controls,
    );
  });
  consumer.on('consumer.end_batch_process', ({ payload }) => {
    if (payload.batchSize === 0) handlers.onSkipped(payload, BigInt(payload.lastOffset) + 1n);
  });
  const stop = (): Promise<void> => consumer.disconnect().catch(() => undefined);
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [...topics], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: partitionsConcurrentlyMax,
      eachBatch: (payload) => handlers.onBatch(fetchedBatch(payload)),
    });
  } catch (error) {
    await stop();
    throw sourceFailure(error);
  }
  return { failure: () => failure, stop };
}

function sourceFailure(cause: unknown): CqrsError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new CqrsError(
    'CQRS_EVENT_SOURCE_FAILED',
    `Kafka does not serve the projector (${reason}); it tries again by itself, see whether the brokers run and are reachable.`,
    cause,
  );
}

function fetchedBatch(payload: EachBatchPayload): FetchedBatch {
  // Part of the batch in the client's source (consumer/batch.js) though not of its published types.
  const batch = payload.batch as EachBatchPayload['batch'] & { readonly fetchedOffset: string };
  const lastOffset = batch.lastOffset();
  return {
    topic: batch.topic,
    partition: batch.partition,
    fetchedOffset: BigInt(batch.fetchedOffset),
    nextOffset: BigInt(lastOffset) + 1n,
    highWatermark: BigInt(batch.highWatermark),
    records: batch.messages,
    isWanted: () => payload.isRunning() && !payload.isStale(),
    heartbeat: () => payload.heartbeat(),
    resolve: () => payload.resolveOffset(lastOffset),
  };
}

function writeLog(logger: Logger, { level, log, namespace }: LogEntry): void {
  const { message, ...fields } = log;
  const details = { kafkajs: namespace, detail: message, ...fields };
  if (level === logLevel.ERROR) logger.warn(details, 'The Kafka client reports an error');
  else logger.debug(details, 'The Kafka client reports');
}
