import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import { waitOutcomes } from './consistency/wait-counts.ts';
import { HistogramMetric } from './histogram-metric.ts';
import { readOutcomes } from './read-counts.ts';
import type { ServedView } from './served-view.ts';
import { streamEnds } from './streams/event-stream.ts';
import type { StreamRoom } from './streams/stream-room.ts';

const kinds = ['documents', 'lists'] as const;

/** Every metric of the query service. Labels are bounded: views come from the configuration. */
export function createMetrics(views: readonly ServedView[], streamRoom: StreamRoom): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  // The counts are plain numbers elsewhere, and shown when somebody asks.
  registry.registerMetric(
    new Counter({
      name: 'cqrs_query_reads_total',
      help: 'Reads by what became of them.',
      labelNames: ['view', 'kind', 'outcome'],
      registers: [],
      collect() {
        this.reset();
        for (const [kind, outcome, served] of readCells(views)) {
          this.inc({ view: served.view.name, kind, outcome }, served[kind].counts[outcome]);
        }
      },
    }),
  );
  registry.registerMetric(
    new Counter({
      name: 'cqrs_query_documents_waited_total',
      help: 'Reads by key that had to wait for an earlier batch.',
      labelNames: ['view'],
      registers: [],
      collect() {
        this.reset();
        for (const { view, reader } of views) this.inc({ view: view.name }, reader.waited());
      },
    }),
  );
  registry.registerMetric(
    new Gauge({
      name: 'cqrs_query_reads_pending',
      help: 'Reads under way or waiting for their turn, over all views.',
      labelNames: ['kind'],
      registers: [],
      collect() {
        for (const kind of kinds) this.set({ kind }, views[0]?.[kind].gate.pending ?? 0);
      },
    }),
  );
  registry.registerMetric(
    new Gauge({
      name: 'cqrs_query_unread_bytes',
      help: 'Answers that clients have not taken yet.',
      registers: [],
      collect() {
        this.set(views[0]?.unread.bytes ?? 0);
      },
    }),
  );
  registerStreams(registry, streamRoom);
  const [first] = views;
  if (first !== undefined) registerWaits(registry, first);
  return registry;
}

/** Gates and the room for waiting are shared by all views, so any view has them. */
function registerWaits(registry: Registry, { consistency, ...view }: ServedView): void {
  const { waitingRoom } = consistency;
  registry.registerMetric(
    new HistogramMetric(
      {
        name: 'cqrs_query_store_seconds',
        help: 'How long reads take in Redis and in the queue before it.',
      },
      kinds.map((kind) => ({ labels: { kind }, durations: view[kind].gate.durations })),
    ),
  );
  registry.registerMetric(
    new HistogramMetric(
      {
        name: 'cqrs_query_consistency_wait_seconds',
        help: 'How long reads with a consistency token wait for the view.',
      },
      [{ labels: {}, durations: waitingRoom.counts.durations }],
    ),
  );
  registry.registerMetric(
    new Counter({
      name: 'cqrs_query_consistency_waits_total',
      help: 'Reads that waited for the view, by how that ended.',
      labelNames: ['outcome'],
      registers: [],
      collect() {
        this.reset();
        for (const outcome of waitOutcomes)
          this.inc({ outcome }, waitingRoom.counts.outcomes[outcome]);
      },
    }),
  );
  registry.registerMetric(
    new Gauge({
      name: 'cqrs_query_consistency_waiting',
      help: 'Reads that wait for the view now.',
      registers: [],
      collect() {
        this.set(waitingRoom.waiting);
      },
    }),
  );
}

function registerStreams(registry: Registry, streamRoom: StreamRoom): void {
  registry.registerMetric(
    new Gauge({
      name: 'cqrs_query_streams_open',
      help: 'Clients that follow a document or a list.',
      registers: [],
      collect() {
        this.set(streamRoom.open);
      },
    }),
  );
  registry.registerMetric(
    new Counter({
      name: 'cqrs_query_streams_ended_total',
      help: 'Streams by why they ended.',
      labelNames: ['why'],
      registers: [],
      collect() {
        this.reset();
        for (const why of streamEnds) this.inc({ why }, streamRoom.ended[why]);
      },
    }),
  );
}

function readCells(views: readonly ServedView[]) {
  return views.flatMap((served) =>
    kinds.flatMap((kind) => readOutcomes.map((outcome) => [kind, outcome, served] as const)),
  );
}
