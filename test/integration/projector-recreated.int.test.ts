/** Kafka loses a topic and the relay publishes it again: the new topic's offsets begin anew, the views' events do not. */
import { Kafka, logLevel, type Admin } from 'kafkajs';
import type { TopicPartition as Where } from '@cqrs/runtime/kafka/port.ts';
import type { ProjectorStatus } from '@cqrs/contract/ops-status.ts';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import {
  createReadStoreWriter,
  type Lease,
} from '../../services/projector/src/read-store-writer.ts';
import { partitionName } from '../../services/projector/src/owned-partition.ts';
import { startKafka, type TestKafka } from '../support/kafka.ts';
import { eventually } from '../support/eventually.ts';
import { startService, type TestService } from '../support/process.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { plainView, service, type ModelEvent } from '../support/view-model.ts';
import { readStoreKeys } from '@cqrs/runtime/read-store/keys.ts';
import { viewTag } from '@cqrs/runtime/read-store/view-tag.ts';
import { startPublisher, type EventPublisher } from './projector-events.ts';

const topic = plainView.sources[0]?.topic ?? '';
const waitMsMax = 60_000;
/** The order of their first publication, and of the table that is published again. */
const republished = 'abcdefghij'.split('');
const published = republished.toReversed();
const appliedCount = 6;

let kafka: TestKafka;
let publisher: EventPublisher;
let admin: Admin;
let redis: TestRedis;

beforeAll(async () => {
  kafka = await startKafka();
  publisher = await startPublisher(kafka.brokers);
  admin = new Kafka({ brokers: [...kafka.brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
});
afterAll(async () => {
  await Promise.all([publisher.stop(), admin.disconnect()]);
  await kafka.stop();
});

beforeEach(async () => {
  redis = await startRedis();
  const store = redis;
  onTestFinished(() => store.stop());
  if ((await admin.listTopics()).includes(topic)) await deleteTopic();
  await publisher.createTopic(topic, 1);
});

const start = (): Promise<TestService> =>
  startService({
    program: 'projector',
    config: { service, views: [plainView] },
    env: { ...redis.env, ...kafka.env },
  });

const firstOf = (id: string): ModelEvent => ({ id, version: 1, state: { id } });

async function documents(): Promise<readonly string[]> {
  const keys = await redis.client.keys('*:doc:*');
  return keys.map((key) => key.split(':').at(-1) ?? '').toSorted();
}

async function deleteTopic(): Promise<void> {
  await admin.deleteTopics({ topics: [topic] });
  await eventually('the topic to be gone', waitMsMax, async () => {
    return !(await admin.listTopics()).includes(topic);
  });
}

async function applyTheFirst(): Promise<void> {
  await publisher.publish(topic, published.slice(0, appliedCount).map(firstOf));
  await eventually('the first documents', waitMsMax, async () => {
    return (await documents()).length === appliedCount;
  });
}

const status = (projector: TestService): Promise<ProjectorStatus> => projector.status();

/** Nothing is in the way, nothing waits, nothing stands still. */
function isGreen({ error, views }: ProjectorStatus): boolean {
  return (
    error === null &&
    views.length > 0 &&
    views.every(({ lagEvents, halted }) => lagEvents === 0 && halted.length === 0)
  );
}

test('a view that was behind when the topic was lost gets all of the new one', async () => {
  const before = await start();
  await applyTheFirst();
  await before.kill();
  await publisher.publish(topic, published.slice(appliedCount).map(firstOf));
  await deleteTopic();
  await publisher.createTopic(topic, 1);
  // Below the old position's offset are now the very events that the view lacks.
  await publisher.publish(topic, republished.map(firstOf));
  const after = await start();
  onTestFinished(() => after.kill());
  await expect.poll(documents, { timeout: waitMsMax }).toEqual(republished);
  await eventually('the view to be green', waitMsMax, async () => isGreen(await status(after)));
});

test('a projector notices while it runs that a topic was made anew', async () => {
  const projector = await start();
  onTestFinished(() => projector.kill());
  await applyTheFirst();
  await deleteTopic();
  await publisher.createTopic(topic, 1);
  await publisher.publish(topic, republished.map(firstOf));
  await expect.poll(documents, { timeout: waitMsMax }).toEqual(republished);
  await eventually('the view to be green', waitMsMax, async () => isGreen(await status(projector)));
  // What follows is applied behind them, and a retry or a restart has nothing to mend.
  await publisher.publish(topic, [{ id: 'a', version: 2, state: { id: 'a' } }]);
  await eventually('the next event', waitMsMax, async () => {
    const [document = ''] = await redis.client.keys('*:doc:a');
    return (await redis.client.get(document))?.startsWith('2');
  });
  expect(isGreen(await status(projector))).toBe(true);
});

test('a store from before ids were kept takes the one there is; another id fences off all partitions', async () => {
  const writer = createReadStoreWriter(redis.client, service, plainView);
  const [one, other] = [0, 1].map((partition) => ({ topic, partition })) as [Where, Where];
  const slice = { events: [], nextOffset: '7', lsn: '' };
  const applyTo = async (where: Where, topicId: string | undefined): Promise<Lease> => {
    const lease = await writer.acquire(where, topicId);
    const outcome = await writer.apply(partitionName(where), lease, slice);
    expect(outcome).toMatchObject({ kind: 'applied' });
    return { ...lease, offset: slice.nextOffset };
  };
  await applyTo(one, undefined);
  await applyTo(other, undefined);
  expect(await writer.acquire(one, 'first')).toMatchObject({ offset: '7' });
  const held = await writer.acquire(other, 'first');
  expect(held).toMatchObject({ offset: '7' });
  await writer.halt(partitionName(other), held, 'for some reason');

  expect(await writer.acquire(one, 'second')).toMatchObject({ offset: '' });
  expect(await writer.holds(partitionName(other), held)).toBe(false);
  expect(await redis.client.exists(readStoreKeys(viewTag(service, plainView)).halted)).toBe(0);
  expect(await writer.acquire(other, 'second')).toMatchObject({ offset: '' });
});
