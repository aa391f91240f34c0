import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { customResourceDefinition } from '../../operator/src/api/v1alpha1/crd.ts';
import { cqrsServiceType } from '../../operator/src/api/v1alpha1/schema.ts';
import { createClient, type KubeClient } from '../../operator/src/kube/client.ts';
import type { KubeObject } from '../../operator/src/kube/object.ts';
import { builtin, type ResourceType } from '../../operator/src/kube/resource-type.ts';
import { startApiServer } from '../support/apiserver.ts';
import { startOperator, type OperatorProcess } from '../support/operator-process.ts';
import { eventually } from '../support/eventually.ts';
import { atOnce } from './at-once.ts';
import { cpuClock } from './cpu-clock.ts';
import { childrenOf, namespacesOf, placesOf, writtenService, type Place } from './crowd.ts';
import { measureEdits } from './edits.ts';
import { quantile, type BenchOptions, type Measured } from './figures.ts';
import { bareNodeMb, measureFloor, seconds, typeOf } from './floor.ts';
import { imageEnvironment } from './image-environment.ts';

const usersAtOnce = 64;
const childrenSecondsMax = 600;
const restSecondsMax = 300;
const idleSeconds = 60;
const restartSecondsMax = 120;
const pollMs = 250;

/** Everything one run of the operator is asked to do. */
type Scene = {
  readonly admin: KubeClient;
  readonly kubeconfigPath: string;
  readonly serverPids: readonly number[];
  readonly places: readonly Place[];
  readonly note: BenchOptions['note'];
};

/** The control loop with so many CqrsServices, created at once, on a real etcd and kube-apiserver. */
export async function benchReconcile({ services, note }: BenchOptions): Promise<Measured> {
  const places = placesOf(services);
  note('floor: a bare loop creates the same objects');
  const floor = await measureFloor(places);
  const nodeMb = await bareNodeMb();
  note('compiles the operator once, as its image does');
  Object.assign(process.env, await imageEnvironment());
  const apiServer = await startApiServer();
  const admin = createClient({ kubeConfig: apiServer.kubeConfig });
  try {
    await admin.create(builtin.customResourceDefinition, customResourceDefinition());
    await atOnce(namespacesOf(places), usersAtOnce, (namespace) =>
      admin.create(builtin.namespace, namespace),
    );
    const { kubeconfigPath } = apiServer;
    const children = childrenOf(places).length;
    const scene = { admin, kubeconfigPath, serverPids: apiServer.pids(), places, note };
    const first = await measureFirst(scene);
    const restart = await measureRestart(scene);
    const floorSeconds = { key: 'floor_all_children_s', value: floor.createSeconds };
    const listSeconds = { key: 'floor_list_s', value: floor.listSeconds };
    return {
      name: 'reconcile',
      figures: [
        { key: 'services', value: services },
        { key: 'all_children_s', value: first.childrenSeconds, atMost: 60, peer: floorSeconds },
        { key: 'floor_ratio', value: first.childrenSeconds / floor.createSeconds, atMost: 1.6 },
        {
          key: 'apply_floor_ratio',
          value: first.childrenSeconds / floor.applySeconds,
          peer: { key: 'floor_all_children_applied_s', value: floor.applySeconds },
        },
        {
          key: 'cpu_ms_per_child',
          value: ((first.serverCpuSeconds + first.operatorCpuSeconds) * 1000) / children,
          peer: {
            key: 'floor_cpu_ms_per_child',
            value: (floor.createCpuSeconds * 1000) / children,
          },
        },
        { key: 'operator_cpu_ms_per_child', value: (first.operatorCpuSeconds * 1000) / children },
        {
          key: 'rss_mb',
          value: first.memory.nowMb,
          atMost: 200,
          peer: { key: 'bare_node_rss_mb', value: nodeMb },
        },
        { key: 'rss_peak_mb', value: first.memory.peakMb },
        { key: 'cold_restart_s', value: restart.seconds, atMost: 20, peer: listSeconds },
        { key: 'cold_restart_writes', value: restart.writes, atMost: 0 },
        { key: 'cold_restart_rss_mb', value: restart.memory.nowMb, atMost: 200 },
        { key: 'idle_writes', value: first.idleWrites, atMost: 0 },
        { key: 'idle_requests', value: first.idleRequests, atMost: 0 },
        ...first.edits,
        { key: 'event_loop_p99_ms', value: first.eventLoopP99Ms, atMost: 50 },
        { key: 'passes_per_service', value: first.passes / services },
        { key: 'writes_per_service', value: first.writes / services },
      ],
    };
  } finally {
    await admin.close();
    await apiServer.stop();
  }
}

async function measureFirst(scene: Scene) {
  const { admin, note, places } = scene;
  const expected = countsOf(childrenOf(places));
  const before = await countsIn(admin, expected.keys());
  const operator = await startOperator(scene.kubeconfigPath);
  try {
    // Node's histogram starts anew with each look at it.
    await eventLoopP99Ms(operator);
    note(`${places.length} CqrsServices at once`);
    const operatorCpuSeconds = await cpuClock([operator.pid]);
    const serverCpuSeconds = await cpuClock(scene.serverPids);
    const childrenSeconds = await seconds(async () => {
      const created = atOnce(places, usersAtOnce, (place) =>
        admin.create(cqrsServiceType, writtenService(place)),
      );
      await Promise.all([created, untilCounts(admin, before, expected)]);
    });
    const loopP99Ms = await eventLoopP99Ms(operator);
    const cpu = {
      operatorCpuSeconds: await operatorCpuSeconds(),
      serverCpuSeconds: await serverCpuSeconds(),
    };
    note(`all children after ${childrenSeconds.toFixed(1)} s; waits until writes rest`);
    const writes = await untilWritesRest(operator);
    const passes = await operator.passes();
    note(`idle for ${idleSeconds} s`);
    const requests = await requestsOf(operator);
    await delay(idleSeconds * 1000);
    const idleWrites = total(await operator.writes()) - writes;
    const idleRequests = (await requestsOf(operator)) - requests;
    note('edits, one after the other');
    const edits = await measureEdits(admin, places);
    // What is under way now would be counted as a write of the restarted operator.
    await untilWritesRest(operator);
    const memory = await memoryOf(operator.pid);
    return {
      ...cpu,
      childrenSeconds,
      eventLoopP99Ms: loopP99Ms,
      idleWrites,
      idleRequests,
      edits: editFigures(edits),
      memory,
      passes,
      writes,
    };
  } finally {
    await operator.kill();
  }
}

function editFigures({ editMs, bareMs, driftMs }: Awaited<ReturnType<typeof measureEdits>>) {
  const figure = (share: number, name: string, atMost: number) => ({
    key: `edit_${name}_ms`,
    value: quantile(editMs, share),
    atMost,
    peer: { key: `bare_patch_${name}_ms`, value: quantile(bareMs, share) },
  });
  return [
    figure(0.5, 'p50', 60),
    figure(0.99, 'p99', 250),
    { key: 'drift_healed_p50_ms', value: quantile(driftMs, 0.5) },
    { key: 'drift_healed_p99_ms', value: quantile(driftMs, 0.99), atMost: 1000 },
  ];
}

async function measureRestart({ kubeconfigPath, note, places }: Scene) {
  note('cold restart');
  let operator: OperatorProcess | undefined;
  try {
    const elapsed = await seconds(async () => {
      operator = await startOperator(kubeconfigPath);
      const started = operator;
      await eventually('everything to be observed', restartSecondsMax * 1000, async () => {
        if ((await started.passes()) >= places.length) return true;
        await delay(pollMs);
        return false;
      });
    });
    if (operator === undefined) throw new TypeError('The operator did not start');
    await untilWritesRest(operator);
    return {
      seconds: elapsed,
      writes: total(await operator.writes()),
      memory: await memoryOf(operator.pid),
    };
  } finally {
    await operator?.kill();
  }
}

/** Waits until two looks, seconds apart, find no further write; gives the writes so far. */
async function untilWritesRest(operator: OperatorProcess): Promise<number> {
  const restMs = 3000;
  let last = total(await operator.writes());
  return eventually('writes to rest', restSecondsMax * 1000, async () => {
    await delay(restMs);
    const before = last;
    last = total(await operator.writes());
    return last === before && last;
  });
}

type Counts = ReadonlyMap<ResourceType, number>;

function countsOf(objects: readonly KubeObject[]): Counts {
  const counts = new Map<ResourceType, number>();
  for (const object of objects) {
    const type = typeOf(object);
    counts.set(type, (counts.get(type) ?? 0) + 1);
  }
  return counts;
}

// The server counts what a page leaves out, so that watching the operator costs it next to nothing.
async function countsIn(admin: KubeClient, types: Iterable<ResourceType>): Promise<Counts> {
  const counts = new Map<ResourceType, number>();
  for (const type of types) {
    const { items, metadata } = await admin.list(type, { limit: 1 });
    counts.set(type, items.length + (metadata.remainingItemCount ?? 0));
  }
  return counts;
}

async function untilCounts(admin: KubeClient, before: Counts, expected: Counts): Promise<void> {
  await eventually('all children', childrenSecondsMax * 1000, async () => {
    const counts = await countsIn(admin, expected.keys());
    const isWhole = [...expected].every(
      ([type, count]) => (counts.get(type) ?? 0) - (before.get(type) ?? 0) >= count,
    );
    if (!isWhole) await delay(pollMs);
    return isWhole;
  });
}

/** Requests so far, but for those that go on in peace: watches and the renewals of a Lease. */
async function requestsOf(operator: OperatorProcess): Promise<number> {
  const text = await (await fetch(`${operator.ops}/metrics`)).text();
  const counts = text
    .matchAll(/^cqrs_operator_kube_requests_total\{verb="(\w+)",resource="(\w+)",.*\} (\d+)$/gm)
    .filter(([, verb, resource]) => verb !== 'watch' && resource !== 'leases')
    .map(([, , , count]) => Number(count));
  return counts.reduce((sum, count) => sum + count, 0);
}

async function eventLoopP99Ms(operator: OperatorProcess): Promise<number> {
  const text = await (await fetch(`${operator.ops}/metrics`)).text();
  const [, value] = /^nodejs_eventloop_lag_p99_seconds (\S+)$/m.exec(text) ?? [];
  return Number(value) * 1000;
}

/** Resident memory now and at its highest, as Linux counts it. */
async function memoryOf(pid: number): Promise<{ readonly nowMb: number; readonly peakMb: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const mb = (field: string): number =>
    (Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024) / 1e6;
  return { nowMb: mb('VmRSS'), peakMb: mb('VmHWM') };
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
