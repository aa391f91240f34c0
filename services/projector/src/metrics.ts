import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { PartitionLag, ProjectorStatus, ViewStatus } from '@cqrs/contract/ops-status.ts';

const secondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

type Source = { readonly registry: Registry; readonly status: () => ProjectorStatus };
/** A metric's name and what it says. */
type Title = readonly [name: string, help: string];

function viewGauge(
  { registry, status }: Source,
  [name, help]: Title,
  read: (view: ViewStatus) => number,
): Gauge<'view'> {
  return new Gauge({
    name,
    help,
    labelNames: ['view'],
    registers: [registry],
    collect() {
      this.reset();
      for (const view of status().views) this.set({ view: view.view }, read(view));
    },
  });
}

function partitionGauge(
  { registry, status }: Source,
  [name, help]: Title,
  read: (lag: PartitionLag) => number,
): Gauge<'view' | 'topic_partition'> {
  return new Gauge({
    name,
    help,
    labelNames: ['view', 'topic_partition'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { view, partitions } of status().views) {
        for (const lag of partitions) {
          this.set({ view, topic_partition: lag.topicPartition }, read(lag));
        }
      }
    },
  });
}

/** Every metric of the projector. Labels are bounded: views come from the configuration. */
export function createMetrics(status: () => ProjectorStatus) {
  const registry = new Registry();
  const registers = [registry];
  const source = { registry, status };
  collectDefaultMetrics({ register: registry });
  const counter = (name: string, help: string): Counter<'view'> =>
    new Counter({ name, help, labelNames: ['view'], registers });
  const histogram = (name: string, help: string): Histogram<'view'> =>
    new Histogram({ name, help, labelNames: ['view'], buckets: secondsBuckets, registers });
  viewGauge(
    source,
    ['cqrs_projector_lag_events', 'Events that wait, over the partitions owned here.'],
    ({ lagEvents }) => lagEvents,
  );
  viewGauge(
    source,
    [
      'cqrs_projector_lag_seconds',
      'Age of the oldest event that waits in the partitions owned here; 0 when none does.',
    ],
    ({ lagSeconds }) => lagSeconds,
  );
  partitionGauge(
    source,
    ['cqrs_projector_partition_lag_events', 'Events that wait in a partition owned here.'],
    ({ lagEvents }) => lagEvents,
  );
  partitionGauge(
    source,
    [
      'cqrs_projector_partition_lag_seconds',
      'Age of the oldest event that waits in a partition owned here; 0 when none does.',
    ],
    ({ lagSeconds }) => lagSeconds,
  );
  viewGauge(
    source,
    ['cqrs_projector_partitions_halted', 'Partitions that wait for a human.'],
    ({ halted }) => halted.length,
  );
  viewGauge(
    source,
    ['cqrs_projector_keys_halted', 'Keys that stand still at an event which cannot be applied.'],
    ({ haltedKeyCount }) => haltedKeyCount,
  );
  return {
    registry,
    taken: counter('cqrs_projector_events_applied_total', 'Changes taken into a view.'),
    duplicates: counter('cqrs_projector_events_duplicate_total', 'Changes a view had already.'),
    passedOver: counter(
      'cqrs_projector_events_passed_over_total',
      'Events behind the one at which their key is halted.',
    ),
    deadLettered: counter(
      'cqrs_projector_events_dead_lettered_total',
      'Events copied to a dead-letter topic instead of being applied.',
    ),
    batchSeconds: histogram(
      'cqrs_projector_batch_duration_seconds',
      'From a fetched batch to its last event in the read store.',
    ),
    visibleSeconds: histogram(
      'cqrs_projector_commit_to_visible_seconds',
      "Age of a batch's last event when it became visible.",
    ),
  };
}

export type ProjectorMetrics = ReturnType<typeof createMetrics>;

export function countApplied(
  metrics: ProjectorMetrics,
  view: string,
  applied: {
    readonly taken: number;
    readonly duplicates: number;
    readonly passedOver: number;
    readonly deadLettered: number;
    readonly timeMs: number | null;
    readonly nowMs: number;
  },
): void {
  const { taken, duplicates, passedOver, deadLettered, timeMs, nowMs } = applied;
  metrics.taken.inc({ view }, taken);
  metrics.duplicates.inc({ view }, duplicates);
  metrics.passedOver.inc({ view }, passedOver);
  metrics.deadLettered.inc({ view }, deadLettered);
  if (timeMs !== null) metrics.visibleSeconds.observe({ view }, (nowMs - timeMs) / 1_000);
}
