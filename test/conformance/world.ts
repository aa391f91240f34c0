import { randomUUID } from 'node:crypto';
import type { KafkaAddress, OutgoingRecord, RecordPublisher } from '@cqrs/runtime/kafka/port.ts';
import { onTestFinished } from 'vitest';
import type { TestKafka } from '../support/kafka.ts';
import type { KafkaClient } from './kafka-client.ts';
import { startReader, type ReadPositions, type Reader } from './reader.ts';

export const settleMsMax = 40_000;
export const partitions = 6;

/** What the tests of one client work with. */
export type World = {
  readonly name: string;
  readonly client: KafkaClient;
  readonly kafka: () => TestKafka;
  readonly address: () => KafkaAddress;
  readonly publisher: () => Promise<RecordPublisher>;
  /** Makes a topic of the test's own. */
  readonly newTopic: (
    settings?: Readonly<Record<string, string>>,
    count?: number,
  ) => Promise<string>;
  /** Publishes records numbered from `first` on, each with a key of its own. */
  readonly publish: (topic: string, first: number, count: number) => Promise<void>;
  /** A reader that is stopped with the test. */
  readonly read: (
    topics: readonly string[],
    options?: { readonly group?: string; readonly positions?: ReadPositions },
  ) => Promise<Reader>;
};

export function createWorld(name: string, client: KafkaClient, kafka: () => TestKafka): World {
  const address = () => ({ brokers: kafka().brokers, clientId: `conformance-${name}` });
  const publisher = () => client.openPublisher(address());
  return {
    name,
    client,
    kafka,
    address,
    publisher,
    newTopic: async (settings = {}, count = partitions) => {
      const topic = `conformance-${randomUUID()}`;
      await using admin = client.openTopicAdmin(address());
      await admin.create([{ topic, partitions: count, settings }]);
      return topic;
    },
    publish: async (topic, first, count) => {
      await using open = await publisher();
      await open.publish(upTo(count).map((n) => record(topic, `k${first + n}`, first + n)));
    },
    read: async (topics, options = {}) => {
      const reader = await startReader(client.openRecordSource(address()), topics, options);
      onTestFinished(() => reader.stop());
      return reader;
    },
  };
}

export function record(topic: string, key: string, number: number, bytes = 0): OutgoingRecord {
  return {
    topic,
    key: Buffer.from(key),
    value: Buffer.from(JSON.stringify({ number, filling: 'x'.repeat(bytes) })),
    headers: { number: String(number), same: Buffer.from('for all') },
    timestampMs: 1_700_000_000_000 + number,
  };
}

export function numbersOf(records: readonly { readonly value: unknown }[]): readonly number[] {
  return records.map(({ value }) => (value as { readonly number: number }).number);
}

export function upTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, n) => n);
}
