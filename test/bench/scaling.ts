import { quantile, type BenchOptions, type Measured } from './figures.ts';
import { scaleOnCpu, startCopy } from './scaling-cpu.ts';
import { startReadLoad, type ReadCounts } from './scaling-load.ts';
import { openScene, type Scene } from './scaling-scene.ts';
import {
  measureSeries,
  steadyReadsPerSecond,
  type Contestant,
  type SeriesOptions,
  type Stage,
} from './scaling-series.ts';
import { startOrders } from './scaling-service.ts';
import { decidedAtMs, observeStep, type SeenStep, type StartTimes } from './scaling-step.ts';
import { nowMs, watchScaling } from './scaling-watch.ts';
import { eventually } from '../support/eventually.ts';

const cpuRepeatsMax = 3;
const seriesMsMax = { orders: 7 * 60_000, cpu: 4 * 60_000 };
const cpuDecisionLimits = { timeoutMs: 120_000, periodMs: 100 };

/**
 * Reads jump to the eightfold of what one replica answers, on a real cluster: how soon the operator decides, the new
 * replicas serve and the readers notice nothing. Beside it the same pods under an HPA that scales on processor time.
 */
export async function benchScaling({ repeats, note }: BenchOptions): Promise<Measured> {
  const cleanUp = new AsyncDisposableStack();
  try {
    const scene = await openScene(note, cleanUp);
    note('CqrsService: applied');
    const { contestant, keys } = await startOrders(scene);
    const orders = await onStage(scene, contestant, keys, async (stage) => {
      const lastStepAtMs = nowMs() + seriesMsMax.orders;
      const observe = async (_: Stage, stepAtMs: number): Promise<SeenStep> =>
        observeStep(scene.cluster.kubectl, stage, stepAtMs);
      const { seen, busy } = await measureSeries(stage, { repeats, lastStepAtMs, note }, observe);
      return { steps: seen, busy, reads: stage.load.counts() };
    });
    note('the same pods on CPU');
    const copy = await startCopy(scene);
    const cpuDecisionsMs = await onStage(scene, copy, keys, async (stage) => {
      const { requestMillis } = await scaleOnCpu(scene.client);
      note(`a pod asks for ${requestMillis}m of CPU`);
      const lastStepAtMs = nowMs() + seriesMsMax.cpu;
      const options = { repeats: Math.min(repeats, cpuRepeatsMax), lastStepAtMs, note };
      return measureCpu(stage, options);
    });
    return measured(orders, cpuDecisionsMs);
  } finally {
    note('takes everything back');
    await cleanUp.disposeAsync();
  }
}

/** Runs `measure` with the contestant watched and under the steady load. */
async function onStage<T>(
  scene: Scene,
  contestant: Contestant,
  keys: readonly string[],
  measure: (stage: Stage) => Promise<T>,
): Promise<T> {
  const watch = await watchScaling(scene.client, contestant.watched);
  const load = startReadLoad(contestant.url, keys, steadyReadsPerSecond);
  try {
    return await measure({ contestant, watch, load });
  } finally {
    await load.stop();
    await watch.stop();
  }
}

async function measureCpu(stage: Stage, options: SeriesOptions): Promise<readonly number[]> {
  const { seen } = await measureSeries(stage, options, async ({ watch }, stepAtMs) => {
    const atMs = await eventually('the HPA to decide', cpuDecisionLimits, () =>
      decidedAtMs(watch, stepAtMs, 2),
    );
    return atMs - stepAtMs;
  });
  return seen;
}

type Orders = {
  readonly steps: readonly SeenStep[];
  readonly busy: number;
  readonly reads: ReadCounts;
};

function measured({ steps, busy, reads }: Orders, cpuDecisionsMs: readonly number[]): Measured {
  const at = (share: number, pick: (step: SeenStep) => number): number =>
    quantile(steps.map(pick), share);
  const ofAll = (share: number, pick: (step: SeenStep) => readonly number[]): number =>
    quantile(steps.flatMap(pick), share);
  const start = (pick: (times: StartTimes) => number): number =>
    ofAll(0.5, ({ starts }) => starts.map(pick));
  const failed = Object.values(reads.failed).reduce((sum, count) => sum + count, 0);
  const decisionMs = at(0.5, (step) => step.decisionMs);
  const cpuDecisionMs = quantile(cpuDecisionsMs, 0.5);
  return {
    name: 'scaling',
    figures: [
      { key: 'repeats', value: steps.length },
      { key: 'repeats_on_a_busy_machine', value: busy },
      { key: 'decision_p50_ms', value: decisionMs, atMost: 500 },
      { key: 'decision_p99_ms', value: at(0.99, (step) => step.decisionMs), atMost: 1_000 },
      { key: 'decision_full_p50_ms', value: at(0.5, (step) => step.decisionFullMs) },
      { key: 'decision_full_p99_ms', value: at(0.99, (step) => step.decisionFullMs) },
      { key: 'ready_p50_ms', value: at(0.5, (step) => step.readyMs) },
      { key: 'ready_p99_ms', value: at(0.99, (step) => step.readyMs), atMost: 5_000 },
      { key: 'recovered_p50_ms', value: at(0.5, (step) => step.recoveredMs) },
      { key: 'recovered_p99_ms', value: at(0.99, (step) => step.recoveredMs) },
      { key: 'reads', value: reads.ended },
      { key: 'failed_reads', value: failed, atMost: 0 },
      { key: 'fair_share_p50_ms', value: ofAll(0.5, (step) => step.fairShareMs) },
      { key: 'fair_share_p99_ms', value: ofAll(0.99, (step) => step.fairShareMs) },
      {
        key: 'fair_share_since_ready_p99_ms',
        value: ofAll(0.99, (step) => step.fairShareSinceReadyMs),
        atMost: 5_000,
      },
      { key: 'start_schedule_p50_ms', value: start(({ scheduleMs }) => scheduleMs) },
      { key: 'start_container_p50_ms', value: start(({ containerMs }) => containerMs) },
      { key: 'start_program_p50_ms', value: start(({ programMs }) => programMs) },
      { key: 'start_ready_p50_ms', value: start(({ readyMs }) => readyMs) },
      { key: 'cpu_hpa_repeats', value: cpuDecisionsMs.length },
      { key: 'cpu_hpa_decision_p50_ms', value: cpuDecisionMs },
      { key: 'ratio', value: cpuDecisionMs / decisionMs },
    ],
  };
}
