import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { createClient, type KubeClient } from '../../operator/src/kube/client.ts';
import type { KubeError } from '../../operator/src/kube/errors.ts';
import {
  createLeaderElector,
  type LeaderElector,
  type LeaderElectorOptions,
} from '../../operator/src/kube/leader-election.ts';
import type { Lease } from '../../operator/src/kube/lease.ts';
import { builtin } from '../../operator/src/kube/resource-type.ts';
import { startApiServer, type ApiServer } from '../support/apiserver.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

const namespace = 'default';
const shortTimes = { leaseDurationMs: 3000, renewDeadlineMs: 2000, retryPeriodMs: 250 };

let server: ApiServer;
let proxy: TcpProxy;
let admin: KubeClient;
/** Each test has a Lease of its own. */
let name: string;

beforeAll(async () => {
  server = await startApiServer();
  proxy = await startTcpProxy(server);
  admin = createClient({ kubeConfig: server.kubeConfig });
});

afterAll(async () => {
  await admin.close();
  await proxy.stop();
  await server.stop();
});

beforeEach(() => {
  name = `lease-${process.hrtime.bigint()}`;
});

type Contender = { elector: LeaderElector; lost: { cause: KubeError; atMs: number }[] };

function contend(identity: string, options: Partial<LeaderElectorOptions> = {}): Contender {
  const lost: Contender['lost'] = [];
  const elector = createLeaderElector({
    client: admin,
    namespace,
    name,
    identity,
    onLost: (cause) => lost.push({ cause, atMs: performance.now() }),
    ...shortTimes,
    ...options,
  });
  onTestFinished(() => elector.stop());
  elector.start();
  return { elector, lost };
}

const readLease = (): Promise<Lease> => admin.get<Lease>(builtin.lease, { name, namespace });

test('one of many leads, and renews', async () => {
  const contenders = ['a', 'b', 'c', 'd'].map((identity) => contend(identity));
  await Promise.race(contenders.map(({ elector }) => elector.acquired));
  const first = await readLease();
  const leaders = (): number => contenders.filter(({ elector }) => elector.isLeader()).length;
  // Longer than the lease lasts: the renewals, not the others' patience, keep the leader.
  await expect
    .poll(
      async () => {
        expect(leaders()).toBe(1);
        const { renewTime = '' } = (await readLease()).spec;
        return Date.parse(renewTime) - Date.parse(first.spec.renewTime ?? '');
      },
      { timeout: 10_000, interval: 100 },
    )
    .toBeGreaterThan(shortTimes.leaseDurationMs);
  expect((await readLease()).spec).toMatchObject({
    holderIdentity: first.spec.holderIdentity,
    leaseDurationSeconds: 3,
    leaseTransitions: 0,
    acquireTime: first.spec.acquireTime,
  });
  expect(contenders.flatMap(({ lost }) => lost)).toEqual([]);
});

test('a leader that stops hands over at once', async () => {
  const first = contend('a');
  await first.elector.acquired;
  const second = contend('b');
  const stoppedAtMs = performance.now();
  await first.elector.stop();
  await second.elector.acquired;
  expect(performance.now() - stoppedAtMs).toBeLessThan(1500);
  expect(first.lost).toEqual([]);
  expect((await readLease()).spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
});

test('a claim that was written, but whose answer the stop cut off, is released', async () => {
  const written = Promise.withResolvers<void>();
  const client: KubeClient = {
    ...admin,
    async create(type, lease, { signal } = {}) {
      const answer = await admin.create(type, lease);
      written.resolve();
      if (signal) await new Promise((resolve) => signal.addEventListener('abort', resolve));
      signal?.throwIfAborted();
      return answer;
    },
  };
  const { elector } = contend('a', { client });
  await written.promise;
  expect((await readLease()).spec.holderIdentity).toBe('a');
  await elector.stop();
  expect(elector.isLeader()).toBe(false);
  expect((await readLease()).spec.holderIdentity).toBe('');
});

test('a leader that is cut off gives up before another takes over', async () => {
  const client = createClient({ kubeConfig: server.kubeConfigVia(proxy.port) });
  onTestFinished(() => client.close());
  const first = contend('a', { client });
  await first.elector.acquired;
  const second = contend('b');
  proxy.refuse();
  onTestFinished(() => proxy.accept());
  await second.elector.acquired;
  const takenAtMs = performance.now();
  expect(first.elector.isLeader()).toBe(false);
  expect(first.lost).toMatchObject([{ cause: { code: 'KUBE_LEASE' } }]);
  expect(first.lost[0]?.atMs).toBeLessThan(takenAtMs);
});

test('a server that hangs costs the leadership at the renew deadline, no later', async () => {
  const contender = contend('a');
  await contender.elector.acquired;
  server.pause();
  onTestFinished(() => server.resume());
  const hungAtMs = performance.now();
  await expect.poll(() => contender.lost.length, { timeout: 5000, interval: 10 }).toBe(1);
  expect((contender.lost[0]?.atMs ?? 0) - hungAtMs).toBeLessThan(shortTimes.renewDeadlineMs + 300);
});

test('a leader whose lease was taken from it stops leading', async () => {
  const contender = contend('a');
  await contender.elector.acquired;
  await admin.mergePatch(builtin.lease, { name, namespace }, { spec: { holderIdentity: 'thief' } });
  await expect.poll(() => contender.lost.length, { timeout: 2000 }).toBe(1);
  expect(contender.lost[0]?.cause.message).toContain('another holder');
});

test('a leader that stood still too long writes nothing, even before it comes round to its clock', async () => {
  const { elector, lost } = contend('a');
  await elector.acquired;
  const fenced = createClient({
    kubeConfig: server.kubeConfig,
    mayWrite: () => elector.isLeader(),
  });
  onTestFinished(() => fenced.close());
  const ref = { name, namespace };
  await fenced.create(builtin.configMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata: ref });

  const standStill = new Int32Array(new SharedArrayBuffer(4));
  Atomics.wait(standStill, 0, 0, shortTimes.renewDeadlineMs + 100);
  expect(lost).toEqual([]);
  await expect(fenced.delete(builtin.configMap, ref)).rejects.toMatchObject({ code: 'KUBE_LEASE' });
  await expect(fenced.get(builtin.configMap, ref)).resolves.toBeDefined();
  await expect.poll(() => lost.length).toBe(1);
});

test('a write that waited for a connection is held back when leadership ended meanwhile', async () => {
  const answers = [true, false];
  const fenced = createClient({
    kubeConfig: server.kubeConfig,
    mayWrite: () => answers.shift() ?? true,
  });
  onTestFinished(() => fenced.close());
  const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace } };
  const writing = fenced.create(builtin.configMap, configMap);
  await expect(writing).rejects.toMatchObject({ code: 'KUBE_LEASE' });
  await expect(admin.get(builtin.configMap, { name, namespace })).rejects.toMatchObject({
    isNotFound: true,
  });
  await fenced.create(builtin.configMap, configMap);
  await expect(admin.get(builtin.configMap, { name, namespace })).resolves.toBeDefined();
});

test('times that contradict each other are refused', () => {
  const wrong = { leaseDurationMs: 2000, renewDeadlineMs: 2000, retryPeriodMs: 250 };
  const options = { client: admin, namespace, name, identity: 'a', onLost: () => undefined };
  expect(() => createLeaderElector({ ...options, ...wrong })).toThrow(
    expect.objectContaining({ code: 'KUBE_LEASE' }),
  );
});
