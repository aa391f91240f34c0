/** What cannot be applied: halted keys, halted partitions, dead letters, and the command that retries. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deadLetterHeaderNames } from '@cqrs/contract/envelope.ts';
import type { ViewConfig } from '@cqrs/contract/config.ts';
import type { ProjectorStatus, ViewStatus } from '@cqrs/contract/ops-status.ts';
import { deadLetterTopic } from '@cqrs/contract/topics.ts';
import { openTopicAdmin } from '@cqrs/runtime/kafka/platformatic/topic-admin.ts';
import { readStoreKeys } from '@cqrs/runtime/read-store/keys.ts';
import { viewTag } from '@cqrs/runtime/read-store/view-tag.ts';
import { Kafka, logLevel, type KafkaMessage } from 'kafkajs';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { javaPartition } from '../conformance/java-partition.ts';
import { startKafka, type TestKafka } from '../support/kafka.ts';
import { runCommand } from '../terminal/run-command.ts';
import { startService, temporaryFolder, type TestService } from '../support/process.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { composedView, plainView, service, type ModelEvent } from '../support/view-model.ts';
import { startPublisher, type EventPublisher } from './projector-events.ts';

const settleMsMax = 30_000;
const patience = { timeout: settleMsMax, interval: 50 };
let kafka: TestKafka;
let redis: TestRedis;
let publisher: EventPublisher;
let serial = 0;

beforeAll(async () => {
  [kafka, redis] = await Promise.all([startKafka(), startRedis()]);
  publisher = await startPublisher(kafka.brokers);
});

afterAll(async () => {
  await publisher.stop();
  await Promise.all([kafka.stop(), redis.stop()]);
});

/** The view with a topic of the test's own, which all tests share one Kafka and one Redis by. */
function ownView(view: ViewConfig, change: Partial<ViewConfig> = {}): ViewConfig {
  serial += 1;
  const sources = view.sources.map((source) => ({ ...source, topic: `${source.topic}-${serial}` }));
  return { ...view, sources, name: `${view.name}-${serial}`, ...change };
}

const topicOf = (view: ViewConfig, place = 0): string => view.sources[place]?.topic ?? '';

async function start(view: ViewConfig): Promise<TestService> {
  const started = await startService({
    program: 'projector',
    config: { service, views: [view] },
    env: { ...redis.env, ...kafka.env },
  });
  onTestFinished(async () => started.kill());
  return started;
}

async function viewStatus(projector: TestService): Promise<ViewStatus | undefined> {
  return (await projector.status<ProjectorStatus>()).views[0];
}

/** Runs the command as `kubectl exec` does in the projector's pod. */
async function retryHalted(view: ViewConfig, ...args: string[]) {
  const file = await configFile({ service, views: [view] });
  return runCommand(process.execPath, ['services/projector/src/retry-halted.ts', ...args], {
    timeoutMs: settleMsMax,
    env: { ...process.env, ...redis.env, CQRS_CONFIG_FILE: file },
  });
}

async function configFile(config: unknown): Promise<string> {
  const file = join(await temporaryFolder('retry'), 'config.json');
  await writeFile(file, JSON.stringify(config));
  return file;
}

async function stored(view: ViewConfig, id: string): Promise<unknown> {
  const raw = await redis.client.get(readStoreKeys(viewTag(service, view)).document(id));
  const json = raw?.split('\n')[1];
  return json === undefined || json === '' ? null : JSON.parse(json);
}

const order = (id: string, version: number): ModelEvent => ({
  id,
  version,
  state: { id, total: version },
});

const payment = (id: string, version: number, orderId: string): ModelEvent => ({
  id,
  version,
  state: { id, orderId },
});

async function lettersOf(view: ViewConfig, count: number): Promise<readonly KafkaMessage[]> {
  const client = new Kafka({ brokers: [...kafka.brokers], logLevel: logLevel.NOTHING });
  const consumer = client.consumer({ groupId: `letters-${serial}` });
  const letters: KafkaMessage[] = [];
  await consumer.connect();
  onTestFinished(async () => consumer.disconnect());
  await consumer.subscribe({ topic: deadLetterTopic(service, view.name), fromBeginning: true });
  await consumer.run({ eachMessage: async ({ message }) => void letters.push(message) });
  await expect.poll(() => letters.length, patience).toBeGreaterThanOrEqual(count);
  return letters;
}

test('an event that cannot be read halts its key and no other, and a retry says that it still cannot', async () => {
  const view = ownView(plainView);
  await publisher.createTopic(topicOf(view), 1);
  let projector = await start(view);
  await publisher.publish(topicOf(view), [order('o1', 1), order('o2', 1)]);
  await publisher.publishRaw(topicOf(view), { key: 'o2', value: 'no JSON', version: 2 });
  await publisher.publishRaw(topicOf(view), { key: null, value: 'whose?' });
  await publisher.publish(topicOf(view), [order('o2', 3), order('o1', 2), order('o3', 1)]);

  await expect.poll(() => stored(view, 'o3'), patience).toEqual({ id: 'o3', total: 1 });
  expect(await stored(view, 'o1')).toEqual({ id: 'o1', total: 2 });
  expect(await stored(view, 'o2')).toEqual({ id: 'o2', total: 1 });
  const halted = {
    halted: [],
    lagEvents: 0,
    haltedKeyCount: 2,
    haltedKeys: [
      { key: '', offset: '3', error: expect.stringMatching(/its key/) as string },
      { key: 'o2', offset: '2', error: expect.stringMatching(/^CQRS_EVENT_MALFORMED/) as string },
    ],
    partitions: [{ topicPartition: `${topicOf(view)}:0`, lagEvents: 0, lagSeconds: 0 }],
  };
  const sorted = async () => {
    const status = await viewStatus(projector);
    return {
      ...status,
      haltedKeys: status?.haltedKeys.toSorted((one, other) => one.key.localeCompare(other.key)),
    };
  };
  await expect.poll(sorted, patience).toMatchObject(halted);

  // What is halted outlives the process.
  await projector.kill();
  projector = await start(view);
  await expect.poll(sorted, patience).toMatchObject(halted);
  const metrics = await (await fetch(`${projector.ops}/metrics`)).text();
  expect(metrics).toContain(`cqrs_projector_keys_halted{view="${view.name}"} 2`);
  expect(metrics).toContain(
    `cqrs_projector_partition_lag_events{view="${view.name}",topic_partition="${topicOf(view)}:0"} 0`,
  );

  const { code, output } = await retryHalted(view, '--key', 'o2');
  expect(output).toMatch(
    /key "o2" stood still at offset 2.*goes on at offset 2.*halted again at offset 2/s,
  );
  expect(output).not.toContain('no key');
  expect(code).toBe(1);
  await expect.poll(sorted, patience).toMatchObject(halted);
});

test('a retry lets a key go on that Redis had refused, once the cause is gone', async () => {
  const view = ownView(composedView);
  const [orders, payments] = [topicOf(view, 0), topicOf(view, 1)];
  for (const { topic } of view.sources) await publisher.createTopic(topic, 1);
  const parts = `{${viewTag(service, view)}}:parts:o1`;
  await redis.client.set(parts, 'not a hash');
  const projector = await start(view);
  await publisher.publish(orders, [order('o1', 1), order('o2', 1)]);
  await publisher.publish(payments, [
    payment('p1', 1, 'o2'),
    payment('p2', 1, 'o1'),
    payment('p2', 2, 'o1'),
    payment('p3', 1, 'o2'),
  ]);
  const ofOther = [
    { id: 'p1', orderId: 'o2' },
    { id: 'p3', orderId: 'o2' },
  ];
  await expect.poll(() => stored(view, 'o2'), patience).toMatchObject({ payments: ofOther });
  await expect
    .poll(async () => (await viewStatus(projector))?.haltedKeys.map(({ key }) => key), patience)
    .toContain('p2');

  await redis.client.del(parts);
  const { code, output } = await retryHalted(view);
  expect(output).toMatch(/key "p2" stood still at offset 1.*WRONGTYPE.*key "p2" goes on/s);
  expect(code).toBe(0);
  expect(await stored(view, 'o1')).toMatchObject({ payments: [{ id: 'p2', orderId: 'o1' }] });
  expect(await stored(view, 'o2')).toMatchObject({ payments: ofOther });
  await expect
    .poll(async () => viewStatus(projector), patience)
    .toMatchObject({ haltedKeyCount: 0, halted: [] });
  expect(await retryHalted(view)).toMatchObject({ code: 0, output: 'Nothing is halted.\n' });
});

test('a missing version halts its partition, and a retry takes it up without a restart', async () => {
  const view = ownView(plainView);
  await publisher.createTopic(topicOf(view), 1);
  const projector = await start(view);
  await publisher.publish(topicOf(view), [order('o1', 1), order('o1', 2), order('o1', 4)]);
  const gap = /CQRS_VERSION_GAP: Event 4 of "o1".*offset 2 follows version 2.*retry/;
  const halted = {
    halted: [{ topicPartition: `${topicOf(view)}:0`, error: expect.stringMatching(gap) as string }],
    lagEvents: 1,
  };
  await expect.poll(async () => viewStatus(projector), patience).toMatchObject(halted);
  expect((await viewStatus(projector))?.partitions[0]?.lagSeconds).toBeGreaterThan(0);
  expect(await stored(view, 'o1')).toEqual({ id: 'o1', total: 2 });

  const again = await retryHalted(view);
  expect(again.output).toMatch(
    /whole partition stood still.*VERSION_GAP.*halted again.*VERSION_GAP/s,
  );
  expect(again.code).toBe(1);
  await expect.poll(async () => viewStatus(projector), patience).toMatchObject(halted);

  // Played: what was lost is put back, into the view itself because a topic takes nothing in its midst.
  await redis.client.set(
    readStoreKeys(viewTag(service, view)).document('o1'),
    '3\n{"id":"o1","total":3}\n [[],[]]',
  );
  const { code, output } = await retryHalted(view);
  expect(output).toContain('the partition goes on');
  expect(code).toBe(0);
  expect(await stored(view, 'o1')).toEqual({ id: 'o1', total: 4 });
});

test('a view with dead letters copies what it cannot read and goes on with the key', async () => {
  const halting = ownView(plainView);
  await publisher.createTopic(topicOf(halting), 1);
  const before = await start(halting);
  await publisher.publish(topicOf(halting), [order('o1', 1)]);
  await publisher.publishRaw(topicOf(halting), { key: 'o1', value: '[]', version: 2 });
  await publisher.publish(topicOf(halting), [order('o1', 3)]);
  await expect.poll(async () => (await viewStatus(before))?.haltedKeyCount, patience).toBe(1);
  await before.stop();

  // The same build of the view: what it has stays, and what is halted stays so until it is retried.
  const view: ViewConfig = { ...halting, poison: 'dead-letter' };
  const projector = await start(view);
  await expect.poll(async () => (await viewStatus(projector))?.haltedKeyCount, patience).toBe(1);
  const { code, output } = await retryHalted(view);
  expect([code, output]).toEqual([0, expect.stringContaining('key "o1" goes on')]);
  expect(await stored(view, 'o1')).toEqual({ id: 'o1', total: 3 });
  await publisher.publishRaw(topicOf(view), { key: 'o2', value: '{"state":', version: 1 });
  await publisher.publish(topicOf(view), [order('o2', 2)]);
  await expect.poll(() => stored(view, 'o2'), patience).toEqual({ id: 'o2', total: 2 });

  const letters = await lettersOf(view, 2);
  expect(letters.map(({ key, value }) => [String(key), String(value)])).toEqual([
    ['o1', '[]'],
    ['o2', '{"state":'],
  ]);
  const headers = letters[0]?.headers ?? {};
  expect(
    Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, String(text)])),
  ).toEqual({
    ce_sequence: '2',
    [deadLetterHeaderNames.view]: view.name,
    [deadLetterHeaderNames.topicPartition]: `${topicOf(view)}:0`,
    [deadLetterHeaderNames.offset]: '1',
    [deadLetterHeaderNames.error]: expect.stringMatching(/value is not a JSON object/) as string,
  });
  const metrics = await (await fetch(`${projector.ops}/metrics`)).text();
  expect(metrics).toContain(`cqrs_projector_events_dead_lettered_total{view="${view.name}"} 2`);
});

test('partitions whose dead letters Kafka refuses leave their places to the others, and go on once it takes them', async () => {
  const partitions = 12;
  const poisoned = 6;
  const view = ownView(plainView, { poison: 'dead-letter' });
  await publisher.createTopic(topicOf(view), partitions);
  await using admin = openTopicAdmin({ brokers: kafka.brokers, clientId: 'test' });
  const letters = deadLetterTopic(service, view.name);
  await admin.create([{ topic: letters, partitions: 1, settings: { 'max.message.bytes': '10' } }]);
  const keys = Array.from({ length: partitions }, (_, partition) => {
    let serialOfKey = 0;
    while (javaPartition(`o${serialOfKey}`, partitions) !== partition) serialOfKey += 1;
    return `o${serialOfKey}`;
  });
  for (const key of keys.slice(0, poisoned)) {
    await publisher.publishRaw(topicOf(view), { key, value: 'no JSON', version: 1 });
  }
  const projector = await start(view);
  const errorCode = async () => (await projector.status<ProjectorStatus>()).errorCode;
  await expect.poll(errorCode, patience).toBe('CQRS_DEAD_LETTER_FAILED');
  for (const version of [1, 2, 3]) {
    for (const key of keys.slice(poisoned)) {
      await publisher.publish(topicOf(view), [order(key, version)]);
    }
  }
  for (const key of keys.slice(poisoned)) {
    await expect.poll(() => stored(view, key), patience).toEqual({ id: key, total: 3 });
  }
  expect(await errorCode()).toBe('CQRS_DEAD_LETTER_FAILED');

  await admin.change(letters, { 'max.message.bytes': '1000000' });
  await expect.poll(errorCode, patience).toBe(null);
  await expect.poll(async () => (await viewStatus(projector))?.lagEvents, patience).toBe(0);
  expect((await lettersOf(view, poisoned)).map(({ key }) => String(key)).toSorted()).toEqual(
    keys.slice(0, poisoned).toSorted(),
  );
});

test('refuses options that it does not know and a view that there is not', async () => {
  const view = ownView(plainView);
  expect(await retryHalted(view, '--all')).toMatchObject({ code: 2 });
  expect(await retryHalted(view, '--view', 'other')).toMatchObject({
    code: 2,
    output: `There is no view other; there is ${view.name}.\n`,
  });
});
