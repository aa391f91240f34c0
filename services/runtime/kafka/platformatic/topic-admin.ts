import { setTimeout as delay } from 'node:timers/promises';
import {
  Admin,
  ConfigResourceTypes,
  IncrementalAlterConfigOperationTypes,
} from '@platformatic/kafka';
import type { KafkaAddress, TopicAdmin, TopicDescription, TopicSettings } from '../port.ts';
import { clientOptions } from './client-options.ts';
import { explained } from './explained.ts';

const requestMsMax = 10_000;
const retriesMax = 4;
const closeMsMax = 3_000;
/** A topic is there for every broker soon after it is made, and only then may it be written. */
const leadersMsMax = 10_000;
const lookAgainMs = 50;
/** As many as the broker's own default: one on a single broker, what its operator chose on a cluster. */
const brokersDefault = -1;

export function openTopicAdmin(address: KafkaAddress): TopicAdmin {
  const admin = new Admin(clientOptions(address, { requestMsMax, retriesMax }));
  return {
    existing: async (topics) => {
      const all = new Set(await orExplained(admin.listTopics()));
      return topics.filter((topic) => all.has(topic));
    },
    create: async (topics) => {
      for (const { topic, partitions, settings } of topics) {
        const configs = Object.entries(settings).map(([name, value]) => ({ name, value }));
        const created = { topics: [topic], partitions, replicas: brokersDefault, configs };
        await orExplained(admin.createTopics(created));
      }
      await untilLed(admin, topics);
    },
    describe: (topics) => orExplained(describe(admin, topics)),
    change: (topic, settings) => orExplained(change(admin, topic, settings)),
    delete: async (topics) => {
      if (topics.length > 0) await orExplained(admin.deleteTopics({ topics: [...topics] }));
    },
    [Symbol.asyncDispose]: async () => {
      const closed = admin.close().catch(() => undefined);
      await Promise.race([closed, delay(closeMsMax, undefined, { ref: false })]);
    },
  };
}

async function describe(
  admin: Admin,
  topics: readonly string[],
): Promise<readonly TopicDescription[]> {
  if (topics.length === 0) return [];
  const metadata = await admin.metadata({ topics: [...topics], forceUpdate: true });
  const described = await admin.describeConfigs({
    resources: topics.map((topic) => ({
      resourceType: ConfigResourceTypes.TOPIC,
      resourceName: topic,
    })),
  });
  const settings = new Map(
    described.map(({ resourceName, configs }) => [
      resourceName,
      Object.fromEntries(configs.map(({ name, value }) => [name, value ?? ''])),
    ]),
  );
  return topics.map((topic) => ({
    topic,
    partitions: metadata.topics.get(topic)?.partitionsCount ?? 0,
    settings: settings.get(topic) ?? {},
  }));
}

/** Sets each by itself; the older request would replace all of a topic's own settings. */
async function change(admin: Admin, topic: string, settings: TopicSettings): Promise<void> {
  const configs = Object.entries(settings).map(([name, value]) => ({
    name,
    configOperation: IncrementalAlterConfigOperationTypes.SET,
    value,
  }));
  const resource = { resourceType: ConfigResourceTypes.TOPIC, resourceName: topic, configs };
  await admin.incrementalAlterConfigs({ resources: [resource], validateOnly: false });
}

async function orExplained<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw explained(error);
  }
}

async function untilLed(admin: Admin, topics: readonly TopicDescription[]): Promise<void> {
  const names = topics.map(({ topic }) => topic);
  const deadlineMs = performance.now() + leadersMsMax;
  for (;;) {
    const metadata = await admin
      .metadata({ topics: names, forceUpdate: true })
      .catch(() => undefined);
    const isLed = topics.every(({ topic, partitions }) => {
      const found = metadata?.topics.get(topic);
      return (
        found?.partitionsCount === partitions && found.partitions.every(({ leader }) => leader >= 0)
      );
    });
    if (isLed) return;
    if (performance.now() > deadlineMs) {
      throw new TypeError(`Kafka has made ${names.join(', ')}, but no broker leads them yet.`);
    }
    await delay(lookAgainMs);
  }
}
