/**
 * Projectors are killed, frozen past their session and run twice; Redis loses the end of its data; Kafka is killed. All
 * of it under load, and in the end the views equal a fold of the events.
 */
import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ProjectorStatus } from '@cqrs/contract/ops-status.ts';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { startKafka, type TestKafka } from '../support/kafka.ts';
import { startService, type TestService } from '../support/process.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startPublisher, type EventPublisher } from './projector-events.ts';
import {
  composedView,
  expectedDocuments,
  expectedList,
  listsOf,
  service,
  type ModelEvent,
} from '../support/view-model.ts';

const settleMsMax = 90_000;
const roundsOfEvents = 40;
const eventsPerRound = 60;
const ordersMax = 60;
let kafka: TestKafka;
let redis: TestRedis;
let publisher: EventPublisher;

beforeAll(async () => {
  [kafka, redis] = await Promise.all([startKafka(), startRedis()]);
  publisher = await startPublisher(kafka.brokers);
});

afterAll(async () => {
  await publisher.stop();
  await Promise.all([kafka.stop(), redis.stop()]);
});

async function start(program: 'projector' | 'query'): Promise<TestService> {
  const started = await startService({
    program,
    config: { service, views: [composedView] },
    env: { ...redis.env, ...kafka.env },
  });
  onTestFinished(async () => started.kill());
  return started;
}

const topics = composedView.sources.map(({ topic }) => topic);
const orderId = fc.integer({ min: 1, max: ordersMax }).map((number) => `o${number}`);
const customerId = fc.constantFrom('c1', 'c2', 'c3');
const text = fc.string({ minLength: 1, maxLength: 30 });
const fields: Record<string, fc.Arbitrary<{ readonly id: string }>> = {
  order: fc.record({
    id: orderId,
    customerId,
    status: text,
    placedAt: text,
    total: fc.double({ noNaN: true, noDefaultInfinity: true }),
  }),
  payment: fc.record({ id: fc.integer({ max: 99, min: 0 }).map((n) => `p${n}`), orderId }),
  shipment: fc.record({ id: fc.integer({ max: 29, min: 0 }).map((n) => `s${n}`), orderId }),
  customer: fc.record({ id: customerId, name: text }),
};

/** Every event of the run, by topic and in its order, a tenth of them deletions. */
function eventsOf(seed: number): ReadonlyMap<string, readonly ModelEvent[]> {
  return new Map(
    composedView.sources.map(({ topic, aggregate }, place) => {
      const changes = fc.sample(fc.tuple(fields[aggregate] ?? fc.record({ id: text }), fc.nat(9)), {
        seed: seed + place,
        numRuns: roundsOfEvents * eventsPerRound,
      });
      const versions = new Map<string, number>();
      const log = changes.map(([state, chance]) => {
        const version = (versions.get(state.id) ?? 0) + 1;
        versions.set(state.id, version);
        return { id: state.id, version, state: chance === 0 ? null : state };
      });
      return [topic, log] as const;
    }),
  );
}

const seed = Number(process.env['CQRS_TEST_SEED'] ?? randomInt(2 ** 30));

test(`the view equals a fold of its events after every fault (CQRS_TEST_SEED=${seed})`, async () => {
  const logs = eventsOf(seed);
  for (const topic of topics) await publisher.createTopic(topic, 3);
  let projector = await start('projector');
  let second: TestService | undefined;

  const faults: Record<number, () => Promise<void>> = {
    4: async () => {
      await projector.kill();
      projector = await start('projector');
    },
    8: () => redis.copyData(),
    10: () => redis.rollBack(),
    13: async () => {
      second = await start('projector');
    },
    18: async () => void process.kill(projector.pid, 'SIGSTOP'),
    // By then the frozen one's session is over, and it goes on as a zombie.
    26: async () => void process.kill(projector.pid, 'SIGCONT'),
    28: () => redis.copyData(),
    30: () => redis.rollBack(),
    32: () => kafka.restart(),
    36: async () => second?.kill(),
  };
  for (let round = 0; round < roundsOfEvents; round += 1) {
    await faults[round]?.();
    const slice = (topic: string): readonly ModelEvent[] =>
      logs.get(topic)?.slice(round * eventsPerRound, (round + 1) * eventsPerRound) ?? [];
    for (const topic of topics) {
      await publisher.publish(topic, slice(topic));
      // At least once: a relay that starts again repeats what it is not sure of.
      if (round % 5 === 0) await publisher.publish(topic, slice(topic).slice(-7));
    }
    // Spreads the load over the time that the faults take; nothing waits for it.
    await delay(round > 18 && round < 26 ? 1_000 : 100);
  }
  const expected = expectedDocuments(composedView, logs);
  const query = await start('query');
  const get = async (path: string): Promise<unknown> => {
    const answer = await fetch(query.http + path);
    return answer.status === 200 ? answer.json() : answer.status;
  };
  const shown = async (): Promise<unknown> => {
    const documents: [string, unknown][] = [];
    for (let number = 1; number <= ordersMax; number += 1) {
      const document = await get(`/order-history/o${number}`);
      if (document !== 404) documents.push([`o${number}`, document]);
    }
    return documents;
  };
  const all = [...expected].toSorted(
    ([one], [other]) => Number(one.slice(1)) - Number(other.slice(1)),
  );
  await expect
    .poll(shown, { timeout: settleMsMax, interval: 500 })
    .toEqual(JSON.parse(JSON.stringify(all)));
  for (const list of listsOf(composedView, expected)) {
    const { by = [], order = [] } = composedView.indexes[list.index] ?? {};
    const parameters = new URLSearchParams({ order: order.join(','), limit: '500' });
    by.forEach((field, place) => parameters.set(field, list.values[place] ?? ''));
    const page = (await get(`/order-history?${parameters.toString()}`)) as {
      items: { id: string }[];
    };
    expect(page.items.map(({ id }) => id)).toEqual(expectedList(composedView, expected, list));
  }
  expect(await projector.status<ProjectorStatus>()).toMatchObject({
    error: null,
    views: [{ lagEvents: 0, lagSeconds: 0, halted: [] }],
  });
}, 240_000);
