import { Histogram } from 'prom-client';
import type { DurationHistogram } from './duration-histogram.ts';

type Labels = { readonly [name: string]: string };

export type LabelledHistogram = { readonly labels: Labels; readonly durations: DurationHistogram };

/**
 * Shows histograms that are counted elsewhere. The client's own observes one value at a time and looks its labels up
 * each time, which at 50,000 reads a second is as much as the reads themselves may cost.
 */
export class HistogramMetric extends Histogram {
  readonly #head: { readonly name: string; readonly help: string };
  readonly #shown: readonly LabelledHistogram[];

  constructor(
    head: { readonly name: string; readonly help: string },
    shown: readonly LabelledHistogram[],
  ) {
    super({ ...head, registers: [] });
    this.#head = head;
    this.#shown = shown;
  }

  /** The one method by which the registry, and the client's own `get`, ask what a histogram holds. */
  async getForPromString() {
    const { name } = this.#head;
    const values = this.#shown.flatMap(({ labels, durations }) => [
      ...durations
        .cumulative()
        .map(({ bound, count }) => bucket(name, { ...labels, le: String(bound) }, count)),
      bucket(name, { ...labels, le: '+Inf' }, durations.count),
      { metricName: `${name}_sum`, labels, value: durations.sumSeconds },
      { metricName: `${name}_count`, labels, value: durations.count },
    ]);
    return { ...this.#head, type: 'histogram', aggregator: 'sum', values };
  }
}

function bucket(name: string, labels: Labels, value: number) {
  return { metricName: `${name}_bucket`, labels, value };
}
