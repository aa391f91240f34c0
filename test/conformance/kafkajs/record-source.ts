import { setTimeout as delay } from 'node:timers/promises';
import type {
  Consumption,
  ConsumerControls,
  ConsumerHandlers,
  FetchedBatch,
  FetchedRecord,
  RecordSource,
  TopicPartition,
} from '@cqrs/runtime/kafka/port.ts';
import type { Admin, EachBatchPayload, Kafka, KafkaMessage, RetryOptions } from 'kafkajs';

/** The same bounds as the other client's. */
const partitionBytesMax = 1024 * 1024;
const fetchBytesMax = 8 * 1024 * 1024;
const longPollMsMax = 500;
const partitionsConcurrentlyMax = 4;
const sessionMsMax = 6_000;
const heartbeatIntervalMs = 1_500;
const rebalanceMsMax = 10_000;
const leaveMsMax = 3_000;

export function openRecordSource(kafka: Kafka, retry: RetryOptions): RecordSource {
  let admin: Promise<Admin> | undefined;
  const ask = async <T>(question: (client: Admin) => Promise<T>): Promise<T> => {
    admin ??= connectAdmin(kafka, retry);
    try {
      return await question(await admin);
    } catch (error) {
      await close();
      throw error;
    }
  };
  const close = async (): Promise<void> => {
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
      (await ask((client) => client.fetchTopicOffsets(topic)))
        .map(({ partition, low, high }) => ({ partition, low: BigInt(low), high: BigInt(high) }))
        .toSorted((one, other) => one.partition - other.partition),
    // Its metadata requests are of a version that does not tell.
    topicIds: () => Promise.resolve(new Map()),
    consume: (groupId, topics, handlers) => consume({ kafka, retry, groupId }, topics, handlers),
    close,
  };
}

async function connectAdmin(kafka: Kafka, retry: RetryOptions): Promise<Admin> {
  const admin = kafka.admin({ retry });
  await admin.connect();
  return admin;
}

function only({ topic, partition }: TopicPartition): { topic: string; partitions: number[] }[] {
  return [{ topic, partitions: [partition] }];
}

async function consume(
  of: { readonly kafka: Kafka; readonly retry: RetryOptions; readonly groupId: string },
  topics: readonly string[],
  handlers: ConsumerHandlers,
): Promise<Consumption> {
  const consumer = of.kafka.consumer({
    groupId: of.groupId,
    allowAutoTopicCreation: false,
    sessionTimeout: sessionMsMax,
    heartbeatInterval: heartbeatIntervalMs,
    rebalanceTimeout: rebalanceMsMax,
    minBytes: 1,
    maxBytes: fetchBytesMax,
    maxBytesPerPartition: partitionBytesMax,
    maxWaitTimeInMs: longPollMsMax,
    retry: { ...of.retry, restartOnFailure: () => Promise.resolve(false) },
  });
  let failure: Error | undefined;
  const controls: ConsumerControls = {
    seek: (where, offset) => consumer.seek({ ...where, offset: String(offset) }),
    pause: (where) => consumer.pause(only(where)),
    resume: (where) => consumer.resume(only(where)),
  };
  consumer.on('consumer.crash', ({ payload }) => {
    failure = payload.error;
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
  // By itself this client waits for a broker that hangs as long as for any answer, and again.
  const stop = (): Promise<void> =>
    Promise.race([
      consumer.disconnect().catch(() => undefined),
      delay(leaveMsMax, undefined, { ref: false }),
    ]);
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [...topics], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: partitionsConcurrentlyMax,
      eachBatch: (payload) => handle(payload, handlers),
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { failure: () => failure, stop };
}

/** This client beats its heart only between batches, so a long one has to be kept alive. */
async function handle(payload: EachBatchPayload, handlers: ConsumerHandlers): Promise<void> {
  const beating = setInterval(() => {
    payload.heartbeat().catch(() => undefined);
  }, heartbeatIntervalMs);
  try {
    await handlers.onBatch(fetchedBatch(payload));
  } finally {
    clearInterval(beating);
  }
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
    records: batch.messages.map(fetchedRecord),
    isWanted: () => payload.isRunning() && !payload.isStale(),
    resolve: () => payload.resolveOffset(lastOffset),
  };
}

function fetchedRecord({ offset, key, value, timestamp, headers }: KafkaMessage): FetchedRecord {
  return {
    offset,
    key,
    value,
    timestampMs: Number(timestamp),
    header: (name) => headers?.[name]?.toString(),
    headers: () =>
      Object.fromEntries(
        Object.entries(headers ?? {}).map(([name, text]) => [name, Buffer.from(String(text))]),
      ),
  };
}
