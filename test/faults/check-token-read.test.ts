import { expect, test } from 'vitest';
import { tokenReadDifference, type TokenRead } from './check-token-read.ts';
import type { StoredEvent } from './check-write-store.ts';
import type { Fields } from './commands.ts';
import { readServices } from './topology.ts';

const viewOf = (name: string) => {
  const view = readServices.find((service) => service.name === name)?.view;
  if (view === undefined) throw new Error(`There is no view ${name}.`);
  return view;
};
const history = viewOf('order-history');
const [orderTopic = '', paymentTopic = ''] = history.sources.map(({ topic }) => topic);

const logOf = (id: string, states: readonly (Fields | null)[]): readonly StoredEvent[] =>
  states.map((state, place) => ({
    id: `e${place + 1}`,
    key: id,
    version: place + 1,
    type: '',
    payload: { state, data: null },
    traceparent: null,
    aggregate: null,
  }));
const first = { id: 'o1', customerId: 'c1' };
const second = { id: 'o1', customerId: 'c2' };
const payment = { id: 'p1', orderId: 'o1', amount: 1 };
const logs = new Map([
  [orderTopic, new Map([['o1', logOf('o1', [first, second, null])]])],
  [paymentTopic, new Map([['p1', logOf('p1', [payment, { ...payment, orderId: 'o2' }])]])],
]);

const order = (version: number) => ({ topic: orderTopic, id: 'o1', version });
const paid = (version: number) => ({ topic: paymentTopic, id: 'p1', version });
const byKey = { kind: 'document', key: 'o1' } as const;
const byCustomer = { kind: 'list', field: 'customerId', value: 'c1' } as const;
const differenceOf = (read: Partial<TokenRead>) =>
  tokenReadDifference(
    history,
    [
      {
        view: history.name,
        scope: byKey,
        entries: [order(2)],
        documents: [],
        hasMore: false,
        ...read,
      },
    ],
    (topic) => logs.get(topic) ?? new Map(),
  );

test.each<[string, Partial<TokenRead>]>([
  ['the state of the version', { documents: [{ ...second, payments: [] }] }],
  ['a later state, which is that there is none', { documents: [] }],
  ['a document without a part that has moved on', { documents: [{ ...second, payments: [] }] }],
  ['a list that the document has left', { scope: byCustomer }],
  ['an entry of another document', { scope: { kind: 'document', key: 'o7' } }],
  [
    'a list with a further page',
    { scope: byCustomer, entries: [order(1)], documents: [], hasMore: true },
  ],
  [
    'a part of the version',
    { entries: [paid(1)], documents: [{ ...second, payments: [payment] }] },
  ],
])('%s is new enough', (_, read) => {
  expect(differenceOf(read)).toBeNull();
});

test.each<[string, Partial<TokenRead>]>([
  ['an older state', { documents: [{ ...first, payments: [] }] }],
  ['a document that is deleted', { entries: [order(3)], documents: [second] }],
  ['a list that still has what left it', { scope: byCustomer, documents: [first] }],
  [
    'a list that lacks what came to it',
    { scope: { ...byCustomer, value: 'c7' }, entries: [order(2)], documents: [second] },
  ],
  [
    'a part that has moved on',
    { entries: [paid(2)], documents: [{ ...second, payments: [payment] }] },
  ],
  ['a version that nobody has written', { entries: [order(4)] }],
])('%s is told from what the token covers', (_, read) => {
  expect(differenceOf(read)).toMatchObject({ what: expect.stringContaining('token covers') });
});

test('what a token was promised must not be missing', () => {
  const onlyFirst = new Map([['o1', logOf('o1', [first])]]);
  const orders = viewOf('orders');
  const read = { view: 'orders', entries: [order(1)], documents: [], hasMore: false };
  for (const scope of [byKey, byCustomer]) {
    expect(tokenReadDifference(orders, [{ ...read, scope }], () => onlyFirst)).not.toBeNull();
  }
});
