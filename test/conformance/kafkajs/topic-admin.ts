import type { TopicAdmin, TopicDescription } from '@cqrs/runtime/kafka/port.ts';
import kafkajs, { type Admin, type Kafka, type RetryOptions } from 'kafkajs';
import { eventually } from '../../support/eventually.ts';

const createMsMax = 10_000;
const brokersDefault = -1;
/** Node finds only some names of this CommonJS package by itself; these are reached through the whole. */
const { ConfigResourceTypes, ConfigSource } = kafkajs;

export function openTopicAdmin(kafka: Kafka, retry: RetryOptions): TopicAdmin {
  const client = kafka.admin({ retry });
  const connected = client.connect();
  connected.catch(() => undefined);
  const ask = async <T>(question: (admin: Admin) => Promise<T>): Promise<T> => {
    await connected;
    return question(client);
  };
  return {
    existing: async (topics) => {
      const all = new Set(await ask((admin) => admin.listTopics()));
      return topics.filter((topic) => all.has(topic));
    },
    create: (topics) =>
      ask(async (admin) => {
        const created = await admin.createTopics({
          timeout: createMsMax,
          // Its own wait fails when a broker has not heard of the topic yet.
          waitForLeaders: false,
          topics: topics.map(({ topic, partitions, settings }) => ({
            topic,
            numPartitions: partitions,
            replicationFactor: brokersDefault,
            configEntries: entriesOf(settings),
          })),
        });
        if (!created) throw new TypeError('Some of these topics exist already.');
        await eventually('the topics to be led', createMsMax, () => areLed(admin, topics));
      }),
    describe: (topics) =>
      ask(async (admin) => {
        const { topics: found } = await admin.fetchTopicMetadata({ topics: [...topics] });
        const { resources } = await admin.describeConfigs({
          includeSynonyms: false,
          resources: topics.map((name) => ({ type: ConfigResourceTypes.TOPIC, name })),
        });
        return topics.map((topic) => ({
          topic,
          partitions: found.find(({ name }) => name === topic)?.partitions.length ?? 0,
          settings: Object.fromEntries(
            (resources.find(({ resourceName }) => resourceName === topic)?.configEntries ?? []).map(
              ({ configName, configValue }) => [configName, configValue],
            ),
          ),
        }));
      }),
    change: (topic, settings) =>
      ask(async (admin) => {
        const resource = { type: ConfigResourceTypes.TOPIC, name: topic };
        const { resources } = await admin.describeConfigs({
          includeSynonyms: false,
          resources: [resource],
        });
        // This request replaces all of a topic's own settings, so those of others are sent along.
        const own = (resources[0]?.configEntries ?? [])
          .filter(({ configSource }) => configSource === ConfigSource.TOPIC_CONFIG)
          .map(({ configName, configValue }) => [configName, configValue] as const);
        const all = { ...Object.fromEntries(own), ...settings };
        await admin.alterConfigs({
          validateOnly: false,
          resources: [{ ...resource, configEntries: entriesOf(all) }],
        });
      }),
    delete: (topics) =>
      ask(async (admin) => {
        if (topics.length > 0)
          await admin.deleteTopics({ topics: [...topics], timeout: createMsMax });
      }),
    [Symbol.asyncDispose]: () => client.disconnect().catch(() => undefined),
  };
}

async function areLed(admin: Admin, topics: readonly TopicDescription[]): Promise<boolean> {
  const names = topics.map(({ topic }) => topic);
  const found = await admin.fetchTopicMetadata({ topics: names }).catch(() => undefined);
  const led = found?.topics.filter(({ partitions }) =>
    partitions.every(({ leader }) => leader >= 0),
  );
  return led?.length === names.length;
}

function entriesOf(settings: Readonly<Record<string, string>>): { name: string; value: string }[] {
  return Object.entries(settings).map(([name, value]) => ({ name, value }));
}
