import type { RelayConfig } from '@cqrs/contract/config.ts';
import type { RelayStatus } from '@cqrs/contract/ops-status.ts';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startCommandLoad, type CommandLoad } from '../support/command-load.ts';
import { readTopic, startKafka, type TestKafka } from '../support/kafka.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { eventually } from '../support/eventually.ts';
import { startService, type TestService } from '../support/process.ts';

const service = { namespace: 'shop', name: 'orders' };
const topic = 'shop.orders.order';
const config: RelayConfig = {
  service,
  slot: 'cqrs_shop_orders',
  publication: 'cqrs',
  topics: [{ aggregate: 'order', topic, partitions: 6, retention: 'forever' }],
};

let postgres: TestPostgres;
let kafka: TestKafka;
let command: TestService;
let relay: TestService;
let load: CommandLoad;

beforeAll(async () => {
  [postgres, kafka] = await Promise.all([startPostgres(), startKafka()]);
  command = await startService({
    program: 'command',
    config: { service, aggregates: [{ name: 'order', schema: {} }] },
    env: postgres.env('command'),
  });
  await command.ready();
});
afterAll(async () => {
  await command?.kill();
  await kafka?.stop();
  await postgres?.stop();
});
beforeEach(async () => {
  relay = await startRelay();
  await relay.ready();
  load = startCommandLoad({
    url: command.http,
    aggregate: 'order',
    ids: 40,
    clients: 4,
    pauseMs: 2,
  });
});
afterEach(async () => {
  await load.stop();
  await relay.stop();
});

const startRelay = async (): Promise<TestService> =>
  startService({
    program: 'relay',
    config,
    env: { ...postgres.env('relay'), ...kafka.env },
  });
const statusOf = async () => relay.status<RelayStatus>();

async function moreEvents(count: number): Promise<void> {
  const goal = load.acknowledgedCount() + count;
  await eventually(`${count} more commands`, 20_000, () => load.acknowledgedCount() >= goal);
}

/** What the topic lacks of the event table, or has in a wrong order once repetitions are dropped; empty when all is well. */
async function faultsOfTopic(): Promise<readonly string[]> {
  await load.stop();
  const events = await postgres.sql<{ id: string; payload: unknown }[]>`
    select id::text, payload from cqrs.event`;
  const payloads = new Map(events.map(({ id, payload }) => [id, JSON.stringify(payload)]));
  await eventually('no lag', 40_000, async () => {
    const { streaming, lagBytes } = await statusOf();
    return streaming && lagBytes === 0;
  });
  const records = await eventually('every event in the topic', 30_000, async () => {
    const found = await readTopic(kafka, topic);
    const ids = new Set(found.map(({ headers }) => headers['ce_id']));
    return events.every(({ id }) => ids.has(id)) && found;
  });
  const latest = new Map<string, number>();
  const faults = [...load.unexpected];
  for (const { key, headers, value } of records) {
    const version = Number(headers['ce_sequence']);
    const known = latest.get(key) ?? 0;
    if (version > known + 1) faults.push(`${key} goes from ${known} to ${version}`);
    if (JSON.stringify(value) !== payloads.get(headers['ce_id'] ?? '')) {
      faults.push(`${key} ${version} has another payload`);
    }
    latest.set(key, Math.max(known, version));
  }
  process.stdout.write(`${events.length} events, ${records.length} records\n`);
  return faults;
}

describe('while commands go on', () => {
  it('Kafka is killed and comes back, twice', async () => {
    for (let round = 0; round < 2; round += 1) {
      await moreEvents(200);
      await kafka.kill();
      await moreEvents(200);
      await eventually('the relay to say so', 60_000, async () => {
        const { streaming, error } = await statusOf();
        return !streaming && error?.includes('Kafka');
      });
      expect((await statusOf()).lagBytes).toBeGreaterThan(0);
      await kafka.start();
      const startMs = performance.now();
      await eventually('streaming again', 30_000, async () => (await statusOf()).streaming);
      process.stdout.write(
        `streaming again ${Math.round(performance.now() - startMs)} ms after Kafka answers\n`,
      );
    }
    expect(await faultsOfTopic()).toEqual([]);
  }, 180_000);

  it('the relay is killed again and again', async () => {
    for (let round = 0; round < 8; round += 1) {
      await moreEvents(60 + round * 10);
      await relay.kill();
      await moreEvents(20);
      relay = await startRelay();
    }
    expect(await faultsOfTopic()).toEqual([]);
  }, 120_000);

  it('Postgres is killed and comes back, and its slot may have gone back', async () => {
    for (let round = 0; round < 3; round += 1) {
      await moreEvents(150);
      await postgres.kill();
      await eventually('the relay to say so', 20_000, async () => {
        const { streaming, errorCode } = await statusOf();
        return !streaming && errorCode === 'CQRS_REPLICATION_FAILED';
      });
      await postgres.start();
      await eventually('streaming again', 20_000, async () => (await statusOf()).streaming);
    }
    expect(await faultsOfTopic()).toEqual([]);
  }, 120_000);

  it('Postgres shuts down in order, without waiting for the relay', async () => {
    await moreEvents(100);
    const startMs = performance.now();
    await postgres.shutDown();
    expect(performance.now() - startMs).toBeLessThan(8_000);
    await postgres.start();
    await eventually('streaming again', 20_000, async () => (await statusOf()).streaming);
    await moreEvents(50);
    expect(await faultsOfTopic()).toEqual([]);
  }, 120_000);

  it('Kafka is frozen for a while', async () => {
    await moreEvents(100);
    kafka.pause();
    await moreEvents(100);
    await delay(3_000);
    kafka.resume();
    await moreEvents(50);
    expect(await faultsOfTopic()).toEqual([]);
  }, 120_000);
});
