import { expect, test } from 'vitest';
import { ordersSpec, wholeService } from '../api/v1alpha1/example-services.ts';
import { telemetryEnv } from './telemetry-env.ts';

test('nothing is said of traces unless the spec asks for them', () => {
  expect(telemetryEnv(wholeService('orders', ordersSpec), 'query')).toEqual([]);
});

test('traces go where the spec says, sampled, under the name of the program', () => {
  const headersSecret = { name: 'collector', key: 'headers' };
  const otlp = { endpoint: 'https://collector.observe.svc:4318', headersSecret };
  const orders = wholeService('orders', { ...ordersSpec, telemetry: { otlp, sampleRatio: 0.25 } });
  expect(telemetryEnv(orders, 'query')).toEqual([
    { name: 'OTEL_EXPORTER_OTLP_ENDPOINT', value: 'https://collector.observe.svc:4318' },
    {
      name: 'OTEL_EXPORTER_OTLP_HEADERS',
      valueFrom: { secretKeyRef: { name: 'collector', key: 'headers' } },
    },
    { name: 'OTEL_TRACES_SAMPLER', value: 'parentbased_traceidratio' },
    { name: 'OTEL_TRACES_SAMPLER_ARG', value: '0.25' },
    {
      name: 'OTEL_RESOURCE_ATTRIBUTES',
      value: 'service.name=orders-query,service.namespace=shop,k8s.namespace.name=shop',
    },
  ]);
});
