import { expect, test } from 'vitest';
import { exampleService, orderHistorySpec, ordersSpec, paymentsSpec } from './example-services.ts';
import { hasCommand, hasQuery } from './service-kinds.ts';

test.each([
  { name: 'orders', spec: ordersSpec, command: true, query: true },
  { name: 'payments', spec: paymentsSpec, command: true, query: false },
  { name: 'order-history', spec: orderHistorySpec, command: false, query: true },
])('$name: command $command, query $query', ({ name, spec, command, query }) => {
  const service = exampleService(name, spec);
  expect([hasCommand(service), hasQuery(service)]).toEqual([command, query]);
});
