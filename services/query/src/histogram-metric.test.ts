import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { DurationHistogram } from './duration-histogram.ts';
import { HistogramMetric } from './histogram-metric.ts';

test('shows what was counted, as Prometheus reads histograms', async () => {
  const registry = new Registry();
  const durations = new DurationHistogram();
  const head = { name: 'reads_seconds', help: 'How long reads take.' };
  registry.registerMetric(new HistogramMetric(head, [{ labels: { kind: 'lists' }, durations }]));
  for (const ms of [0.4, 250, 20_000]) durations.note(ms);
  const text = await registry.metrics();
  expect(text).toContain('# TYPE reads_seconds histogram');
  expect(text.split('\n').filter((line) => line.startsWith('reads_seconds'))).toHaveLength(17);
  expect(text).toContain('reads_seconds_bucket{kind="lists",le="0.0005"} 1');
  expect(text).toContain('reads_seconds_bucket{kind="lists",le="10"} 2');
  expect(text).toContain('reads_seconds_bucket{kind="lists",le="+Inf"} 3');
  expect(text).toContain('reads_seconds_sum{kind="lists"} 20.2504');
  expect(text).toContain('reads_seconds_count{kind="lists"} 3');
});
