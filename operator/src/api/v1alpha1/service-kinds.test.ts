import { expect, test } from 'vitest';
import { exampleService, orderHistorySpec, ordersSpec, paymentsSpec } from './example-services.ts';
import { hasCommand, hasOwnProgram, hasQuery } from './service-kinds.ts';

test.each([
  { name: 'orders', spec: ordersSpec, command: true, query: true },
  { name: 'payments', spec: paymentsSpec, command: true, query: false },
  { name: 'order-history', spec: orderHistorySpec, command: false, query: true },
])('$name: command $command, query $query', ({ name, spec, command, query }) => {
  const service = exampleService(name, spec);
  expect([hasCommand(service), hasQuery(service)]).toEqual([command, query]);
});

const [aggregate] = ordersSpec.aggregates;
const behavior = { configMap: { name: 'mine', key: 'order.ts' } };

test.each([
  { when: 'there is no image', spec: {}, own: false },
  { when: 'there is an image alone', spec: { command: { image: 'shop/a' } }, own: true },
  {
    when: 'an aggregate has behavior, which only ours runs',
    spec: { command: { image: 'shop/a' }, aggregates: [{ ...aggregate, behavior }] },
    own: false,
  },
])('a program of the user’s own: $own, when $when', ({ spec, own }) => {
  expect(hasOwnProgram(exampleService('orders', { ...ordersSpec, ...spec }))).toBe(own);
});
