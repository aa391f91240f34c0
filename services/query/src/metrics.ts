import { collectDefaultMetrics, Counter, Registry } from 'prom-client';
import { readOutcomes } from './read-counts.ts';
import type { ServedView } from './served-view.ts';

/** Every metric of the query service. Labels are bounded: views come from the configuration. */
export function createMetrics(views: readonly ServedView[]): { readonly registry: Registry } {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const kinds = ['documents', 'lists'] as const;
  const collected = (counter: {
    readonly name: string;
    readonly help: string;
    readonly labelNames: readonly string[];
    readonly collect: (this: Counter) => void;
  }): Counter => new Counter({ ...counter, registers });
  collected({
    name: 'cqrs_query_reads_total',
    help: 'Reads by what became of them.',
    labelNames: ['view', 'kind', 'outcome'],
    collect() {
      this.reset();
      for (const served of views) {
        for (const kind of kinds) {
          for (const outcome of readOutcomes) {
            const labels = { view: served.view.name, kind, outcome };
            this.inc(labels, served[kind].counts[outcome]);
          }
        }
      }
    },
  });
  collected({
    name: 'cqrs_query_documents_waited_total',
    help: 'Reads by key that had to wait for an earlier batch.',
    labelNames: ['view'],
    collect() {
      this.reset();
      for (const { view, reader } of views) this.inc({ view: view.name }, reader.waited());
    },
  });
  return { registry };
}
