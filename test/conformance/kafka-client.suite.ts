/** What services/runtime/kafka/port.ts promises, asked of a client on a real Kafka: the same for every client. */
import { afterAll, beforeAll } from 'vitest';
import { startKafka, type TestKafka } from '../support/kafka.ts';
import type { KafkaClient } from './kafka-client.ts';
import { publishingSuite } from './publishing.suite.ts';
import { readingSuite } from './reading.suite.ts';
import { topicsSuite } from './topics.suite.ts';
import { createWorld } from './world.ts';

export function kafkaClientSuite(name: string, client: KafkaClient): void {
  let kafka: TestKafka;
  beforeAll(async () => {
    kafka = await startKafka();
  });
  afterAll(() => kafka.stop());

  const world = createWorld(name, client, () => kafka);
  publishingSuite(world);
  readingSuite(world);
  topicsSuite(world);
}
