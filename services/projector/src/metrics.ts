import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { ProjectorStatus, ViewStatus } from '@cqrs/contract/ops-status.ts';

const secondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Every metric of the projector. Labels are bounded: views come from the configuration. */
export function createMetrics(status: () => ProjectorStatus) {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const counter = (name: string, help: string): Counter<'view'> =>
    new Counter({ name, help, labelNames: ['view'], registers });
  const gauge = (name: string, help: string, read: (view: ViewStatus) => number): Gauge<'view'> =>
    new Gauge({
      name,
      help,
      labelNames: ['view'],
      registers,
      collect() {
        this.reset();
        for (const view of status().views) this.set({ view: view.view }, read(view));
      },
    });
  const histogram = (name: string, help: string): Histogram<'view'> =>
    new Histogram({ name, help, labelNames: ['view'], buckets: secondsBuckets, registers });
  gauge(
    'cqrs_projector_lag_events',
    'Events that wait, over the partitions owned here.',
    ({ lagEvents }) => lagEvents,
  );
  gauge(
    'cqrs_projector_lag_seconds',
    'How long ago the view was last known to be up to date, while events wait.',
    ({ lagSeconds }) => lagSeconds,
  );
  gauge(
    'cqrs_projector_partitions_halted',
    'Partitions that wait for a human.',
    ({ halted }) => halted.length,
  );
  return {
    registry,
    taken: counter('cqrs_projector_events_applied_total', 'Changes taken into a view.'),
    duplicates: counter('cqrs_projector_events_duplicate_total', 'Changes a view had already.'),
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
    readonly timeMs: number | null;
    readonly nowMs: number;
  },
): void {
  const { taken, duplicates, timeMs, nowMs } = applied;
  metrics.taken.inc({ view }, taken);
  metrics.duplicates.inc({ view }, duplicates);
  if (timeMs !== null) metrics.visibleSeconds.observe({ view }, (nowMs - timeMs) / 1_000);
}
