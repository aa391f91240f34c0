import { setTimeout as delay } from 'node:timers/promises';
import { Admin, ConnectionPool, Consumer, ListOffsetTimestamps } from '@platformatic/kafka';
import type {
  Consumption,
  ConsumerHandlers,
  KafkaAddress,
  PartitionOffsets,
  RecordSource,
  TopicIds,
} from '../port.ts';
import { clientOptions } from './client-options.ts';
import { explained } from './explained.ts';
import { Fetcher } from './fetcher.ts';

/** The broker's smallest: how long a killed member's partitions wait for a new owner. */
const sessionMsMax = 6_000;
const heartbeatIntervalMs = 1_500;
const rebalanceMsMax = 10_000;
/** Longer than a rebalance, which the broker answers only when every member has joined. */
const memberRequestMsMax = 15_000;
const fetchRequestMsMax = 10_000;
const questionMsMax = 10_000;
const retriesMax = 3;
const leaveMsMax = 3_000;

export function openRecordSource(address: KafkaAddress): RecordSource {
  const options = clientOptions(address, { requestMsMax: questionMsMax, retriesMax });
  let admin: Admin | undefined;
  let reader: Consumer | undefined;

  /** A client that failed once may hold what it knew of a cluster that is gone, so the next question gets a new one. */
  const orForget = async <T>(question: Promise<T>): Promise<T> => {
    try {
      return await question;
    } catch (error) {
      await close();
      throw explained(error);
    }
  };
  const close = async (): Promise<void> => {
    const old = [admin, reader].filter((client) => client !== undefined);
    admin = undefined;
    reader = undefined;
    await Promise.all(old.map(async (client) => client.close().catch(() => undefined)));
  };

  return {
    existing: async (topics) => {
      admin ??= new Admin(options);
      const all = new Set(await orForget(admin.listTopics()));
      return topics.filter((topic) => all.has(topic));
    },
    offsets: async (topic) => {
      // Of no group's: it only asks where partitions begin and end.
      reader ??= new Consumer({ ...options, groupId: address.clientId });
      return orForget(partitionOffsets(reader, topic));
    },
    topicIds: async (topics) => {
      if (topics.length === 0) return new Map();
      admin ??= new Admin(options);
      return orForget(topicIds(admin, topics));
    },
    consume: (groupId, topics, handlers) => consume(address, { groupId, topics }, handlers),
    close,
  };
}

async function partitionOffsets(
  reader: Consumer,
  topic: string,
): Promise<readonly PartitionOffsets[]> {
  const at = async (timestamp: bigint): Promise<readonly bigint[]> =>
    (await reader.listOffsets({ topics: [topic], timestamp })).get(topic) ?? [];
  const [lows, highs] = await Promise.all([
    at(ListOffsetTimestamps.EARLIEST),
    at(ListOffsetTimestamps.LATEST),
  ]);
  return highs.map((high, partition) => ({ partition, low: lows[partition] ?? 0n, high }));
}

async function topicIds(admin: Admin, topics: readonly string[]): Promise<TopicIds> {
  // The client keeps what it learned for minutes, and a topic is made anew in less.
  const metadata = await admin.metadata({ topics: [...topics], forceUpdate: true });
  return new Map(
    topics.flatMap((topic) => {
      const found = metadata.topics.get(topic);
      return found === undefined ? [] : [[topic, found.id] as const];
    }),
  );
}

async function consume(
  address: KafkaAddress,
  { groupId, topics }: { readonly groupId: string; readonly topics: readonly string[] },
  handlers: ConsumerHandlers,
): Promise<Consumption> {
  const consumer = new Consumer({
    ...clientOptions(address, { requestMsMax: memberRequestMsMax, retriesMax }),
    groupId,
    sessionTimeout: sessionMsMax,
    heartbeatInterval: heartbeatIntervalMs,
    rebalanceTimeout: rebalanceMsMax,
  });
  const connections = new ConnectionPool(address.clientId, {
    ...clientOptions(address, { requestMsMax: fetchRequestMsMax, retriesMax }),
  });
  let failure: Error | undefined;
  const fail = (error: Error): void => {
    failure ??= explained(error);
  };
  const fetcher = new Fetcher({
    connections,
    metadata: (forceUpdate) => consumer.metadata({ topics: [...topics], forceUpdate }),
    handlers,
    onFailure: fail,
  });
  consumer.on('error', fail);
  consumer.on('consumer:heartbeat:stalled', ({ lastError }) =>
    fail(lastError ?? new TypeError('The group did not answer a heartbeat in time.')),
  );
  consumer.on('consumer:group:join', ({ assignments = [] }) =>
    fetcher.assign(
      assignments.flatMap(({ topic, partitions }) =>
        partitions.map((partition) => ({ topic, partition })),
      ),
    ),
  );
  const stop = async (): Promise<void> => {
    await fetcher.stop();
    // A coordinator that is away is not waited for: the session's end has the same effect.
    await Promise.race([
      consumer.close(true).catch(() => undefined),
      delay(leaveMsMax, undefined, { ref: false }),
    ]);
    await Promise.all([connections.close(), consumer.connections.close()]);
  };
  try {
    consumer.topics.trackAll(...topics);
    await consumer.joinGroup({});
  } catch (error) {
    await stop();
    throw explained(error);
  }
  return { failure: () => failure, stop };
}
