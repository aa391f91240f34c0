import type { Retention, TopicConfig } from '@cqrs/contract/config.ts';
import { CqrsError } from '@cqrs/contract/errors.ts';
import type { Logger } from '@cqrs/runtime/logger.ts';
import kafkajs, { type Admin } from 'kafkajs';
import { connectKafka, type KafkaAddress } from './kafka-client.ts';

const retry = { initialRetryTime: 100, maxRetryTime: 1_000, retries: 4 };
const createMsMax = 10_000;
/** An event's payload has up to 4 MiB (see the command service's migrations); one record more than fits it. */
const recordBytesMax = 5_242_880;
/** Node finds only some names of this CommonJS package by itself; these are reached through the whole. */
const { ConfigResourceTypes, ConfigSource } = kafkajs;

/** The settings of a topic that are ours to keep; everything else on it is left as it is. */
export function topicSettings(retention: Retention): Readonly<Record<string, string>> {
  const policy = retention === 'compact' ? 'compact' : 'delete';
  const kept = typeof retention === 'object' ? String(retention.seconds * 1000) : '-1';
  return {
    'cleanup.policy': policy,
    'retention.ms': kept,
    'retention.bytes': '-1',
    'max.message.bytes': String(recordBytesMax),
  };
}

/** Makes the topics that are missing and brings the settings of the others in line. Throws CQRS_TOPIC_MISMATCH. */
export async function ensureTopics(
  address: KafkaAddress,
  topics: readonly TopicConfig[],
  logger: Logger,
): Promise<void> {
  await withAdmin(address, logger, async (admin) => {
    const existing = new Set(await admin.listTopics());
    const [present, missing] = [
      topics.filter(({ topic }) => existing.has(topic)),
      topics.filter(({ topic }) => !existing.has(topic)),
    ];
    await createTopics(admin, missing);
    if (present.length === 0) return;
    await checkPartitions(admin, present);
    await alignSettings(admin, present);
  });
}

async function createTopics(admin: Admin, missing: readonly TopicConfig[]): Promise<void> {
  if (missing.length === 0) return;
  await admin.createTopics({
    timeout: createMsMax,
    waitForLeaders: true,
    topics: missing.map(({ topic, partitions, retention }) => ({
      topic,
      numPartitions: partitions,
      // The broker's own default: one on a single broker, what the operator of a larger cluster chose there.
      replicationFactor: -1,
      configEntries: entriesOf(topicSettings(retention)),
    })),
  });
}

async function checkPartitions(admin: Admin, topics: readonly TopicConfig[]): Promise<void> {
  const { topics: found } = await admin.fetchTopicMetadata({
    topics: topics.map(({ topic }) => topic),
  });
  const counts = new Map(found.map(({ name, partitions }) => [name, partitions.length]));
  for (const { topic, partitions } of topics) {
    const count = counts.get(topic);
    if (count === partitions) continue;
    throw new CqrsError(
      'CQRS_TOPIC_MISMATCH',
      `The topic ${topic} has ${count} partitions and the service asks for ${partitions}; another number would break the order of each key. Set spec.events.partitions to ${count}, or delete the topic if nobody needs its events.`,
    );
  }
}

async function alignSettings(admin: Admin, topics: readonly TopicConfig[]): Promise<void> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: topics.map(({ topic }) => ({ type: ConfigResourceTypes.TOPIC, name: topic })),
  });
  const wanted = new Map(topics.map(({ topic, retention }) => [topic, topicSettings(retention)]));
  const changed = resources.flatMap(({ resourceName, configEntries }) => {
    const settings = wanted.get(resourceName) ?? {};
    const values = new Map(
      configEntries.map(({ configName, configValue }) => [configName, configValue]),
    );
    if (Object.entries(settings).every(([name, value]) => values.get(name) === value)) return [];
    // This request replaces all of a topic's own settings, so those of others are sent along.
    const own = configEntries
      .filter(({ configSource }) => configSource === ConfigSource.TOPIC_CONFIG)
      .map(({ configName, configValue }) => [configName, configValue] as const);
    const all = { ...Object.fromEntries(own), ...settings };
    return [{ type: ConfigResourceTypes.TOPIC, name: resourceName, configEntries: entriesOf(all) }];
  });
  if (changed.length > 0) await admin.alterConfigs({ validateOnly: false, resources: changed });
}

/** Deletes the topics that exist; gives their names. */
export async function deleteTopics(
  address: KafkaAddress,
  topics: readonly TopicConfig[],
  logger: Logger,
): Promise<readonly string[]> {
  return withAdmin(address, logger, async (admin) => {
    const existing = new Set(await admin.listTopics());
    const doomed = topics.map(({ topic }) => topic).filter((topic) => existing.has(topic));
    if (doomed.length > 0) await admin.deleteTopics({ topics: doomed, timeout: createMsMax });
    return doomed;
  });
}

function entriesOf(settings: Readonly<Record<string, string>>): { name: string; value: string }[] {
  return Object.entries(settings).map(([name, value]) => ({ name, value }));
}

async function withAdmin<T>(
  address: KafkaAddress,
  logger: Logger,
  work: (admin: Admin) => Promise<T>,
): Promise<T> {
  const admin = connectKafka(address, logger, retry).admin();
  try {
    await admin.connect();
    return await work(admin);
  } catch (cause) {
    if (cause instanceof CqrsError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CqrsError(
      'CQRS_PUBLISH_FAILED',
      `The topics at ${address.brokers.join(', ')} cannot be looked after: ${reason}.`,
      cause,
    );
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}
