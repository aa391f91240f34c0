/** Earlier builds of views in a real Redis, and what becomes of them. */
import { setTimeout as delay } from 'node:timers/promises';
import type { ViewConfig } from '@cqrs/contract/config.ts';
import { createLogger } from '@cqrs/runtime/logger.ts';
import { readStoreKeys } from '@cqrs/runtime/read-store/keys.ts';
import { viewTag } from '@cqrs/runtime/read-store/view-tag.ts';
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import { tendBuilds } from '../../services/projector/src/old-builds.ts';
import { createReadStoreWriter } from '../../services/projector/src/read-store-writer.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { feedView } from '../support/view-feed.ts';
import { composedView, plainView, service } from '../support/view-model.ts';

const patience = { timeout: 15_000, interval: 20 };
const documents = 1_500;
const changed: ViewConfig = { ...plainView, indexes: [] };
const other = { ...service, name: 'other' };

let redis: TestRedis;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());
afterEach(() => redis.client.flushall());

const keysOf = async (of: typeof service, view: ViewConfig): Promise<number> =>
  (await redis.client.keys(`{${viewTag(of, view)}}:*`)).length;

async function fill(of: typeof service, view: ViewConfig): Promise<void> {
  const feed = await feedView(redis.client, of, view);
  for (let first = 0; first < documents; first += 100) {
    const events = Array.from({ length: 100 }, (_, place) => {
      const id = `o${first + place}`;
      return { id, version: 1, state: JSON.stringify({ id, customerId: id, total: 1 }) };
    });
    await feed.apply('order', events);
  }
}

/** Looks after the builds of these views, as a projector that has them in its configuration. */
function tend(views: readonly ViewConfig[], of = service): () => Promise<void> {
  const stop = new AbortController();
  const logger = createLogger('projector', { CQRS_LOG_LEVEL: 'silent' });
  const periods = { lookPeriodMs: 50, idleMsMin: 300 };
  const tended = tendBuilds(
    { redis: redis.client, service: of, views, logger, ...periods },
    stop.signal,
  );
  const end = async (): Promise<void> => {
    stop.abort();
    await tended;
  };
  onTestFinished(end);
  return end;
}

/** A build that a projector has kept up, which runs no more. */
async function earlierBuild(view: ViewConfig, of = service): Promise<void> {
  await fill(of, view);
  const end = tend([view], of);
  const kept = (): Promise<number> => redis.client.exists(`builds:${of.namespace}.${of.name}`);
  await expect.poll(kept, patience).toBe(1);
  await end();
}

test('the keys of an earlier build go once the one of now is built, and no others do', async () => {
  await earlierBuild(plainView);
  await earlierBuild(composedView);
  await fill(other, plainView);
  const before = await keysOf(service, composedView);
  tend([changed, composedView]);
  await delay(1_000);
  expect(await keysOf(service, plainView)).toBeGreaterThan(documents);

  await fill(service, changed);
  await expect.poll(() => keysOf(service, plainView), patience).toBe(0);
  expect(await keysOf(service, changed)).toBeGreaterThan(documents);
  expect(await keysOf(service, composedView)).toBe(before);
  expect(await keysOf(other, plainView)).toBeGreaterThan(documents);
  const builds = await redis.client.hkeys(`builds:${service.namespace}.${service.name}`);
  expect(builds.toSorted()).toEqual(
    [changed, composedView].map((view) => viewTag(service, view)).toSorted(),
  );
});

test('the keys of a build that a projector keeps up, or a query service listens to, stay', async () => {
  await earlierBuild(plainView);
  const reader = redis.client.duplicate();
  onTestFinished(() => reader.disconnect());
  const { changes } = readStoreKeys(viewTag(service, plainView));
  await reader.ssubscribe(changes);
  await fill(service, changed);
  tend([changed]);
  await delay(1_000);
  expect(await keysOf(service, plainView)).toBeGreaterThan(documents);

  const end = tend([plainView]);
  await reader.sunsubscribe(changes);
  await delay(1_000);
  expect(await keysOf(service, plainView)).toBeGreaterThan(documents);
  await end();
  await expect.poll(() => keysOf(service, plainView), patience).toBe(0);
});

test('a build whose removal was broken off is no more taken up half, but removed and begun anew', async () => {
  await fill(service, plainView);
  const tag = viewTag(service, plainView);
  const { positions, removing, built } = readStoreKeys(tag);
  await redis.client.set(removing, '1');
  await redis.client.del(positions, built);
  const writer = createReadStoreWriter(redis.client, service, plainView);
  const where = { topic: 'test.shop.order', partition: 0 };
  await expect(writer.acquire(where, undefined)).rejects.toThrow('being removed');
  tend([plainView]);
  await expect.poll(() => redis.client.exists(removing), patience).toBe(0);
  expect(await keysOf(service, plainView)).toBe(0);
  expect(await writer.acquire(where, undefined)).toMatchObject({ offset: '' });
});
