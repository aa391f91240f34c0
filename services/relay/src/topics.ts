import type { Retention, TopicConfig } from '@cqrs/contract/config.ts';
import { CqrsError } from '@cqrs/contract/errors.ts';
import { openTopicAdmin } from '@cqrs/runtime/kafka/platformatic/topic-admin.ts';
import type {
  KafkaAddress,
  TopicAdmin,
  TopicDescription,
  TopicSettings,
} from '@cqrs/runtime/kafka/port.ts';

/** An event's payload has up to 4 MiB (see the command service's migrations); one record more than fits it. */
const recordBytesMax = 5_242_880;

/** The settings of a topic that are ours to keep; everything else on it is left as it is. */
export function topicSettings(retention: Retention): TopicSettings {
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
): Promise<void> {
  await withAdmin(address, async (admin) => {
    const existing = new Set(await admin.existing(topics.map(({ topic }) => topic)));
    const missing = topics.filter(({ topic }) => !existing.has(topic));
    if (missing.length > 0) await admin.create(missing.map(wanted));
    const found = new Map(
      (await admin.describe([...existing])).map((description) => [description.topic, description]),
    );
    for (const topic of topics) {
      const description = found.get(topic.topic);
      if (description !== undefined) await align(admin, wanted(topic), description);
    }
  });
}

function wanted({ topic, partitions, retention }: TopicConfig): TopicDescription {
  return { topic, partitions, settings: topicSettings(retention) };
}

async function align(
  admin: TopicAdmin,
  { topic, partitions, settings }: TopicDescription,
  found: TopicDescription,
): Promise<void> {
  if (found.partitions !== partitions) {
    throw new CqrsError(
      'CQRS_TOPIC_MISMATCH',
      `The topic ${topic} has ${found.partitions} partitions and the service asks for ${partitions}; another number would break the order of each key. Delete the topic and publish everything again; it is made anew as asked.`,
    );
  }
  const differs = ([name, value]: [string, string]): boolean => found.settings[name] !== value;
  const changed = Object.entries(settings).filter(differs);
  if (changed.length > 0) await admin.change(topic, Object.fromEntries(changed));
}

/** Deletes the topics that exist; gives their names. */
export async function deleteTopics(
  address: KafkaAddress,
  topics: readonly TopicConfig[],
): Promise<readonly string[]> {
  return withAdmin(address, async (admin) => {
    const doomed = await admin.existing(topics.map(({ topic }) => topic));
    await admin.delete(doomed);
    return doomed;
  });
}

async function withAdmin<T>(
  address: KafkaAddress,
  work: (admin: TopicAdmin) => Promise<T>,
): Promise<T> {
  await using admin = openTopicAdmin(address);
  try {
    return await work(admin);
  } catch (cause) {
    if (cause instanceof CqrsError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CqrsError(
      'CQRS_PUBLISH_FAILED',
      `The topics at ${address.brokers.join(', ')} cannot be looked after: ${reason}.`,
      cause,
    );
  }
}
