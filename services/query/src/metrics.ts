import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import { readOutcomes } from './read-counts.ts';
import type { ServedView } from './served-view.ts';

const kinds = ['documents', 'lists'] as const;

/** Every metric of the query service. Labels are bounded: views come from the configuration. */
export function createMetrics(views: readonly ServedView[]): Registry {
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
  return registry;
}

function readCells(views: readonly ServedView[]) {
  return views.flatMap((served) =>
    kinds.flatMap((kind) => readOutcomes.map((outcome) => [kind, outcome, served] as const)),
  );
}
