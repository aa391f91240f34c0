import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createClient, type KubeClient } from '../../operator/src/kube/client.ts';
import {
  createEventRecorder,
  type EventNote,
  type EventRecorder,
  type EventRecorderOptions,
} from '../../operator/src/kube/events.ts';
import { noMetrics } from '../../operator/src/kube/metrics.ts';
import type { KubeObject } from '../../operator/src/kube/object.ts';
import { builtin } from '../../operator/src/kube/resource-type.ts';
import { startApiServer, type ApiServer } from '../support/apiserver.ts';

type Event = KubeObject & {
  note: string;
  reason: string;
  regarding: { kind: string; name: string };
  series?: { count: number };
};

let server: ApiServer;
let admin: KubeClient;

beforeAll(async () => {
  server = await startApiServer();
  admin = createClient({ kubeConfig: server.kubeConfig });
});

afterAll(async () => {
  await admin.close();
  await server.stop();
});

function recorder(options: Partial<EventRecorderOptions> = {}): EventRecorder {
  const made = createEventRecorder({
    client: admin,
    reportingController: 'example.dev/test',
    reportingInstance: 'test-1',
    ...options,
  });
  onTestFinished(() => made.stop());
  return made;
}

const pod = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', uid: `uid-of-${name}` },
});

const failed: EventNote = { type: 'Warning', reason: 'Failed', action: 'Start', note: 'no image' };

async function eventsOf(name: string): Promise<readonly Event[]> {
  const { items } = await admin.list<Event>(builtin.event, { namespace: 'default' });
  return items.filter(({ regarding }) => regarding.name === name);
}

test('an event that repeats is one event with a count', async () => {
  const events = recorder({ limits: { seriesWriteMsMin: 200 } });
  for (let times = 0; times < 50; times += 1) events.record(pod('repeats'), failed);
  await expect.poll(async () => (await eventsOf('repeats'))[0]?.series?.count).toBe(50);
  const { create, patch } = admin.requestCounts();
  for (let times = 0; times < 50; times += 1) events.record(pod('repeats'), failed);
  await expect.poll(async () => (await eventsOf('repeats'))[0]?.series?.count).toBe(100);
  expect(await eventsOf('repeats')).toMatchObject([
    {
      type: 'Warning',
      reason: 'Failed',
      action: 'Start',
      note: 'no image',
      regarding: { kind: 'Pod' },
    },
  ]);
  expect(admin.requestCounts()).toMatchObject({ create, patch: patch + 1 });
});

test('what differs is another event; stopping sends what is left', async () => {
  const events = recorder();
  events.record(pod('differs'), failed);
  events.record(pod('differs'), { ...failed, note: 'other', related: pod('repeats') });
  events.record(pod('also'), failed);
  await events.stop();
  expect((await eventsOf('differs')).map(({ note }) => note).toSorted()).toEqual([
    'no image',
    'other',
  ]);
  expect(await eventsOf('also')).toHaveLength(1);
});

test('long notes are cut and odd names are made safe', async () => {
  const events = recorder();
  events.record(
    { apiVersion: 'v1', kind: 'ClusterRole', metadata: { name: 'system:é' } },
    { ...failed, note: 'é'.repeat(5000) },
  );
  await events.stop();
  const [event] = await eventsOf('system:é');
  expect(event?.note).toMatch(/^é{400,}/);
});

test('a series goes on when the server has forgotten its event', async () => {
  const events = recorder({ limits: { seriesWriteMsMin: 1 } });
  events.record(pod('forgotten'), failed);
  await expect.poll(async () => (await eventsOf('forgotten')).length).toBe(1);
  const [event] = await eventsOf('forgotten');
  await admin.delete(builtin.event, event?.metadata ?? { name: '' });
  events.record(pod('forgotten'), failed);
  await expect.poll(async () => (await eventsOf('forgotten'))[0]?.series?.count).toBe(2);
});

test('what cannot be sent is dropped and counted, and the caller is never held up', async () => {
  const dropped: string[] = [];
  const metrics = { ...noMetrics, eventDropped: (reason: string) => void dropped.push(reason) };
  const events = recorder({ metrics, limits: { seriesMax: 2 } });
  for (const name of ['one', 'two', 'three']) events.record(pod(name), failed);
  expect(dropped).toEqual(['full']);
  const refused = { ...pod('refused'), metadata: { name: 'x', namespace: 'no-such-namespace' } };
  await events.stop();
  const others = recorder({ metrics });
  others.record(refused, failed);
  await others.stop();
  expect(dropped).toEqual(['full', 'KUBE_STATUS']);
});
