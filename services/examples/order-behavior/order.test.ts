import { expect, test } from 'vitest';
import { decide, evolve } from './order.ts';

type Command = Parameters<typeof decide>[0];
type Event = Parameters<typeof evolve>[1];

const now = '2026-03-01T09:00:00.000Z';
const line = { sku: 'lamp', quantity: 2, priceCents: 1_000 };
const placed: Event = {
  type: 'placed',
  data: { customerId: 'c1', lines: [line], totalCents: 2_000, at: now },
};
const shipped: Event = { type: 'shipped', data: { carrier: 'post', at: now } };
const canceled: Event = { type: 'canceled', data: { reason: 'too late', at: now } };

const place = (lines = [line]): Command => ({
  name: 'place',
  data: { customerId: 'c1', lines },
  id: 'o1',
  now,
});
const ship: Command = { name: 'ship', data: { carrier: 'post' }, id: 'o1', now };
const cancel: Command = { name: 'cancel', data: { reason: 'too late' }, id: 'o1', now };

/** The state after these events, as the service folds them. */
const given = (...events: readonly Event[]) =>
  events.reduce<ReturnType<typeof evolve>>((state, event) => evolve(state, event), null);

test.each<[string, readonly Event[], Command, ReturnType<typeof decide>]>([
  ['an order is placed', [], place(), [placed]],
  ['what was placed is shipped', [placed], ship, [shipped]],
  ['what was placed is canceled', [placed], cancel, [canceled]],
  ['canceling twice changes nothing', [placed, canceled], cancel, []],
])('%s', (_what, before, command, events) => {
  expect(decide(command, given(...before))).toEqual(events);
});

test.each<[string, readonly Event[], Command, string]>([
  ['placing twice', [placed], place(), 'This order is placed already.'],
  ['shipping nothing', [], ship, 'Only an order that is placed is shipped.'],
  ['shipping twice', [placed, shipped], ship, 'Only an order that is placed is shipped.'],
  ['canceling nothing', [], cancel, 'There is no such order.'],
  [
    'canceling what is on its way',
    [placed, shipped],
    cancel,
    'The order is on its way; return it.',
  ],
])('refuses %s', (_what, before, command, refused) => {
  expect(decide(command, given(...before))).toEqual({ refused });
});

test('a large order gets a discount, as an event of its own', () => {
  const events = decide(place([{ ...line, quantity: 100 }]), null);
  expect(events).toMatchObject([
    { type: 'placed', data: { totalCents: 100_000 } },
    { type: 'discount-granted', data: { cents: 5_000 } },
  ]);
  expect('refused' in events ? null : given(...events)).toMatchObject({ totalCents: 95_000 });
});

test('an order keeps what it was placed with', () => {
  const order = { customerId: 'c1', lines: [line], totalCents: 2_000, placedAt: now };
  expect(given(placed, shipped)).toEqual({ ...order, status: 'shipped', carrier: 'post' });
  expect(given(placed, canceled)).toEqual({
    ...order,
    status: 'canceled',
    cancelReason: 'too late',
  });
});
