import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createTelemetry, metricDefinitions } from './metrics.ts';

describe('the table of metrics', () => {
  it('has a registered metric for every row, so that none is only promised', () => {
    const { registry } = createTelemetry();
    const registered = registry
      .getMetricsAsArray()
      .map(({ name }) => name)
      .filter((name) => name.startsWith('cqrs_'));
    expect(registered.toSorted()).toEqual(Object.keys(metricDefinitions).toSorted());
  });

  it('is the one that the chart’s README shows', () => {
    const readme = readFileSync(
      new URL('../../../charts/cqrs-operator/README.md', import.meta.url),
    );
    const rows = [...readme.toString().matchAll(/^\| `(cqrs_operator_\w+)` *\|(.*)\|$/gm)];
    const shown = rows.map(([, name, cells = '']) => [
      name,
      ...cells.split('|').map((cell) => cell.trim().replaceAll('`', '')),
    ]);
    const defined = Object.entries(metricDefinitions).map(([name, { type, labels, help }]) => [
      name,
      type,
      labels.join(', '),
      help,
    ]);
    expect(shown).toEqual(defined);
  });

  it.each(Object.entries(metricDefinitions))('%s is named for its type', (name, { type }) => {
    const suffix = { counter: /_total$/, histogram: /_seconds$/, gauge: /(?<!_total|_seconds)$/ };
    expect(name).toMatch(suffix[type]);
  });
});

describe('the adapter for the runtime', () => {
  it('counts requests by verb, kind and answer, and turns milliseconds into seconds', async () => {
    const { registry, kube } = createTelemetry();
    const sample = {
      verb: 'apply',
      resource: 'deployments',
      status: 200,
      durationMs: 1500,
    } as const;
    kube.requestDone(sample);
    kube.requestDone(sample);
    const text = await registry.metrics();
    expect(text).toContain(
      'cqrs_operator_kube_requests_total{verb="apply",resource="deployments",code="200"} 2',
    );
    expect(text).toContain('cqrs_operator_kube_request_duration_seconds_sum{verb="apply"} 3');
  });
});
