/** What a projector says of itself once a trouble has passed. */
import type { ProjectorStatus } from '@cqrs/contract/ops-status.ts';
import { expect, onTestFinished, test } from 'vitest';
import { startKafka } from '../support/kafka.ts';
import { eventually } from '../support/eventually.ts';
import { startService, type TestService } from '../support/process.ts';
import { startRedis } from '../support/redis.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { plainView, service } from '../support/view-model.ts';
import { startPublisher } from './projector-events.ts';

const partitions = 4;
const keys = 60;
const waitMsMax = 60_000;
const topic = plainView.sources[0]?.topic ?? '';

/** Partitions of which the projector has said that they are held up. */
function heldUp(projector: TestService): ReadonlySet<string> {
  const places = projector.output().matchAll(/"where":"(\S+?:\d+)".*held up/gu);
  return new Set([...places].map((place) => place[1] ?? ''));
}

const status = async (projector: TestService) => projector.status<ProjectorStatus>();

test('a trouble with a partition that has moved to another projector is over', async () => {
  const [kafka, redis] = await Promise.all([startKafka(), startRedis()]);
  const link = await startTcpProxy(redis);
  const publisher = await startPublisher(kafka.brokers);
  onTestFinished(async () => {
    await publisher.stop();
    await link.stop();
    await Promise.all([kafka.stop(), redis.stop()]);
  });
  const start = async (redisPort: number): Promise<TestService> => {
    const projector = await startService({
      program: 'projector',
      config: { service, views: [plainView] },
      env: { ...redis.env, ...kafka.env, CQRS_REDIS_PORT: String(redisPort) },
    });
    onTestFinished(async () => projector.kill());
    return projector;
  };
  const publish = async (version: number): Promise<void> =>
    publisher.publish(
      topic,
      Array.from({ length: keys }, (_, n) => ({ id: `k${n}`, version, state: { id: `k${n}` } })),
    );

  await publisher.createTopic(topic, partitions);
  await publish(1);
  const cutOff = await start(link.port);
  // Not by the lag: a partition that is not acquired yet knows of none, and would then not be held up by an event.
  await eventually('the first events', waitMsMax, async () => {
    return (await redis.client.keys('*:doc:*')).length === keys;
  });
  link.refuse();
  await publish(2);
  await eventually('all held up', waitMsMax, () => heldUp(cutOff).size === partitions);

  const other = await start(redis.port);
  await eventually('a part of the partitions to move', waitMsMax, async () => {
    return (await status(other)).views.length > 0;
  });
  link.accept();
  for (const projector of [cutOff, other]) {
    await expect
      .poll(() => status(projector), { timeout: waitMsMax, interval: 200 })
      .toMatchObject({ error: null, errorCode: null, views: [{ lagEvents: 0, halted: [] }] });
  }
}, 240_000);
