/**
 * An order with rules: placed once, shipped once, canceled only before it is shipped. A ConfigMap with this one file is
 * all that `spec.aggregates[].behavior` needs.
 */
import type { CommandSchemas, Decide, Event, Evolve } from '@cqrs/behavior/behavior.ts';

type Line = { sku: string; quantity: number; priceCents: number };

type Commands = {
  place: { customerId: string; lines: readonly Line[] };
  ship: { carrier: string };
  cancel: { reason: string };
};

type Events = {
  placed: { customerId: string; lines: readonly Line[]; totalCents: number; at: string };
  'discount-granted': { cents: number };
  shipped: { carrier: string; at: string };
  canceled: { reason: string; at: string };
};

type Order = {
  customerId: string;
  lines: readonly Line[];
  totalCents: number;
  placedAt: string;
  status: 'placed' | 'shipped' | 'canceled';
  carrier?: string;
  cancelReason?: string;
};

const discountFromCents = 100_000;
const discountRate = 0.05;

export const decide: Decide<Order, Commands, Events> = (command, order) => {
  switch (command.name) {
    case 'place':
      if (order !== null) return { refused: `This order is ${order.status} already.` };
      return place(command.data, command.now);
    case 'ship':
      if (order?.status !== 'placed')
        return { refused: 'Only an order that is placed is shipped.' };
      return [{ type: 'shipped', data: { ...command.data, at: command.now } }];
    case 'cancel':
      if (order === null) return { refused: 'There is no such order.' };
      if (order.status === 'shipped') return { refused: 'The order is on its way; return it.' };
      // Who cancels twice gets what they want and hears no complaint.
      if (order.status === 'canceled') return [];
      return [{ type: 'canceled', data: { ...command.data, at: command.now } }];
  }
};

function place(data: Commands['place'], now: string): Event<Events>[] {
  const totalCents = data.lines.reduce((sum, line) => sum + line.quantity * line.priceCents, 0);
  const placed = { type: 'placed', data: { ...data, totalCents, at: now } } as const;
  if (totalCents < discountFromCents) return [placed];
  const cents = Math.round(totalCents * discountRate);
  return [placed, { type: 'discount-granted', data: { cents } }];
}

export const evolve: Evolve<Order, Events> = (order, event) => {
  if (event.type === 'placed') {
    const { at, ...placed } = event.data;
    return { ...placed, placedAt: at, status: 'placed' };
  }
  if (order === null) return null;
  switch (event.type) {
    case 'discount-granted':
      return { ...order, totalCents: order.totalCents - event.data.cents };
    case 'shipped':
      return { ...order, status: 'shipped', carrier: event.data.carrier };
    case 'canceled':
      return { ...order, status: 'canceled', cancelReason: event.data.reason };
  }
};

const name = { type: 'string', minLength: 1, maxLength: 200 };
const line = {
  type: 'object',
  required: ['sku', 'quantity', 'priceCents'],
  properties: {
    sku: name,
    quantity: { type: 'integer', minimum: 1, maximum: 1_000 },
    priceCents: { type: 'integer', minimum: 0, maximum: 100_000_000 },
  },
};

export const commands: CommandSchemas<Commands> = {
  place: {
    type: 'object',
    required: ['customerId', 'lines'],
    additionalProperties: false,
    properties: {
      customerId: name,
      lines: { type: 'array', minItems: 1, maxItems: 100, items: line },
    },
  },
  ship: { type: 'object', required: ['carrier'], properties: { carrier: name } },
  cancel: { type: 'object', required: ['reason'], properties: { reason: name } },
};
