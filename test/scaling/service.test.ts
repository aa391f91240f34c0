import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { ordersSpec, paymentsSpec } from '../../operator/src/api/v1alpha1/example-services.ts';
import { readService } from './service.ts';

const yaml = (spec: object): string =>
  stringify({ kind: 'CqrsService', metadata: { name: 'orders' }, spec });

test('a service of a file is scaled as it says, and flags win', () => {
  const autoscaling = { maxReplicas: 7, readsPerSecond: 50 };
  const text = yaml({ ...ordersSpec, query: { ...ordersSpec.query, autoscaling } });
  const read = readService(text, { readsPerSecond: 90 });
  expect(read.ok ? read.service.spec.query.autoscaling : read.problem).toEqual({
    minReplicas: 1,
    maxReplicas: 7,
    readsPerSecond: 90,
    scaleDownSeconds: 60,
  });
});

test('the example in the folder of examples is read', () => {
  const file = '../../services/examples/order-behavior/service.yaml';
  const read = readService(readFileSync(new URL(file, import.meta.url), 'utf8'), {});
  expect(read.ok ? read.service.metadata.name : read.problem).toBe('sales');
});

test.each([
  ['kind: Deployment', 'not a CqrsService with a spec: give the file of one'],
  ['', 'not a CqrsService with a spec'],
  ['{', 'Flow map'],
  [yaml(paymentsSpec), 'orders has no spec.query: nobody reads it'],
  [yaml({ query: { views: 3 } }), 'orders: '],
])('%s is refused', (text, problem) => {
  expect(readService(text, {})).toEqual({ ok: false, problem: expect.stringContaining(problem) });
});

test('fewer pods at most than at least are refused', () => {
  const read = readService(undefined, { minReplicas: 5, maxReplicas: 2 });
  expect(read).toMatchObject({ problem: expect.stringContaining('lower the first') });
});
