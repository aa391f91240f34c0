import { setTimeout as delay } from 'node:timers/promises';
import type { Terminal } from '../terminal/progress.ts';
import { exampleNamespace } from './examples.ts';
import type { Cluster } from './find-cluster.ts';
import { startLoadPod, type LoadPod } from './load-pod.ts';
import { replicaChart, sampleScaling, scalingLine, type ScalingSample } from './scaling.ts';

const readsPerSecond = 900;
const replicasWanted = 4;
/** The HPA shows its metric and wish a moment after the pods follow; a settled picture is worth waiting for. */
const settled = ({ ready, desired }: ScalingSample): boolean => ready === desired;
const outTimeoutMs = 120_000;
const inTimeoutMs = 180_000;
const samplePeriodMs = 1_000;
const keysMax = 50;

/** Drives reads until the HPA has scaled the query Deployment out, then lets it scale in, showing both as they happen. */
export async function scaleOutAndIn(
  cluster: Cluster,
  { orderIds, loadImage }: { readonly orderIds: readonly string[]; readonly loadImage: string },
  terminal: Terminal,
): Promise<void> {
  const before = await sampleScaling(cluster.kubectl, exampleNamespace, 'orders', 0);
  terminal.line(`  ${readsPerSecond} reads/s at a target of ${before.target} per replica`);
  const load = await startLoadPod(cluster.kubectl, {
    namespace: exampleNamespace,
    image: loadImage,
    url: 'http://orders-query/orders',
    readsPerSecond,
    seconds: (outTimeoutMs + 30_000) / 1000,
    keys: orderIds.slice(0, keysMax),
  });
  const startedMs = performance.now();
  const samples: ScalingSample[] = [];
  const watch = async (
    what: string,
    timeoutMs: number,
    running: LoadPod | null,
    reached: (s: ScalingSample) => boolean,
  ): Promise<void> => {
    const deadlineMs = performance.now() + timeoutMs;
    for (;;) {
      const sample = await sampleScaling(
        cluster.kubectl,
        exampleNamespace,
        'orders',
        performance.now() - startedMs,
      );
      samples.push(sample);
      terminal.live(
        `  ${scalingLine(sample, running?.seconds().at(-1) ?? null)}`,
        `${sample.ready} ${sample.desired} ${sample.perReplica}`,
      );
      if (reached(sample)) break;
      if (performance.now() > deadlineMs) {
        terminal.endLive();
        throw new Error(
          `The query Deployment did not scale ${what} within ${timeoutMs / 1000} s; look at: kubectl describe hpa orders-query -n ${exampleNamespace}`,
        );
      }
      await delay(samplePeriodMs);
    }
    terminal.endLive();
  };
  try {
    await watch(
      'out',
      outTimeoutMs,
      load,
      (sample) => sample.ready >= replicasWanted && settled(sample),
    );
  } finally {
    await load.stop();
  }
  summarise(load, terminal);
  terminal.line('  load stopped; the HPA scales in after its window');
  await watch(
    'in',
    inTimeoutMs,
    null,
    (sample) => sample.ready <= before.ready && sample.desired <= before.ready,
  );
  for (const line of replicaChart(samples)) terminal.line(`  ${line}`);
  const moved = samples.some((sample) => sample.commandReplicas !== before.commandReplicas);
  if (moved) throw new Error('The command Deployment moved while only reads grew: it must not.');
  terminal.line(`  the command Deployment stayed at ${before.commandReplicas} replicas`);
}

function summarise(load: LoadPod, terminal: Terminal): void {
  const seconds = load.seconds();
  const sum = (pick: (second: (typeof seconds)[number]) => number): number =>
    seconds.reduce((total, second) => total + pick(second), 0);
  const worst = Math.max(0, ...seconds.map(({ p99Ms }) => p99Ms));
  terminal.line(
    `  ${sum((s) => s.served)} reads served, ${sum((s) => s.refused)} refused with 503, ${sum((s) => s.failed)} failed, worst second's p99 ${worst} ms`,
  );
}
