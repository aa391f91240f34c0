import type { Random } from './random.ts';
import type { AggregateName, WriteName } from './topology.ts';

export type Fields = { readonly [field: string]: unknown };

/** One command as a client means to send it. */
export type Command = {
  readonly service: WriteName;
  readonly aggregate: AggregateName;
  readonly method: 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Null with POST: the service gives the id. */
  readonly id: string | null;
  readonly body: Fields | null;
  /** The version that the client believes the aggregate to have. */
  readonly ifMatch: number | null;
};

/** Few keys make contention and long lives of each; the ids that POST draws come on top. */
const orderKeys = 60;
const paymentKeys = 80;
const customers = 8;
const postShare = 0.06;
const deleteShare = 0.12;
const patchShare = 0.45;
const ifMatchShare = 0.15;
const invalidShare = 0.02;

const orderStates = ['placed', 'paid', 'shipped', 'delivered', 'cancelled'];
const paymentStates = ['authorized', 'captured', 'refunded', 'failed'];
const methods = ['card', 'transfer', 'wallet'];

/** Draws what a client does next; `knownVersion` is the last version of a key that it was told, for If-Match. */
export function drawCommand(
  random: Random,
  knownVersion: (aggregate: AggregateName, id: string) => number | undefined,
): Command {
  const [service, aggregate] = random.chance(0.5)
    ? (['orders', 'order'] as const)
    : (['payments', 'payment'] as const);
  const id = aggregate === 'order' ? orderKey(random) : `p${random.integer(1, paymentKeys)}`;
  const method = drawMethod(random);
  const bodies = aggregate === 'order' ? orderBodies : paymentBodies;
  const body = drawBody(random, method, bodies);
  if (method === 'POST') return { service, aggregate, method, id: null, body, ifMatch: null };
  const ifMatch = random.chance(ifMatchShare) ? (knownVersion(aggregate, id) ?? null) : null;
  return { service, aggregate, method, id, body, ifMatch };
}

function drawMethod(random: Random): Command['method'] {
  const at = random.next();
  if (at < postShare) return 'POST';
  if (at < postShare + deleteShare) return 'DELETE';
  return at < postShare + deleteShare + patchShare ? 'PATCH' : 'PUT';
}

type Bodies = {
  readonly whole: (random: Random) => Fields;
  /** Each changes something else: what is shown, a list's order, or the list or document it belongs to. */
  readonly patches: readonly ((random: Random) => Fields)[];
  readonly invalid: Fields;
};

function drawBody(random: Random, method: Command['method'], bodies: Bodies): Fields | null {
  if (method === 'DELETE') return null;
  if (random.chance(invalidShare)) return bodies.invalid;
  return method === 'PATCH' ? random.pick(bodies.patches)(random) : bodies.whole(random);
}

const orderKey = (random: Random): string => `o${random.integer(1, orderKeys)}`;
const customer = (random: Random): string => `c${random.integer(1, customers)}`;
const money = (random: Random): number => random.integer(0, 100_000) / 100;
/** Few moments, so that many documents share one and a list's order has ties to break. */
const moment = (random: Random): string => `2026-01-0${random.integer(1, 9)}T00:00:00Z`;
const lines = (random: Random): readonly Fields[] =>
  Array.from({ length: random.integer(1, 3) }, () => ({
    sku: `sku-${random.integer(1, 999)}`,
    quantity: random.integer(1, 9),
    price: money(random),
  }));

const orderBodies: Bodies = {
  whole: (random) => ({
    customerId: customer(random),
    status: random.pick(orderStates),
    lines: lines(random),
    total: money(random),
    placedAt: moment(random),
  }),
  patches: [
    (random) => ({ status: random.pick(orderStates) }),
    (random) => ({ lines: lines(random), total: money(random) }),
    (random) => ({ customerId: customer(random) }),
    (random) => ({ placedAt: moment(random) }),
  ],
  invalid: { total: -1 },
};

const paymentBodies: Bodies = {
  whole: (random) => ({
    orderId: orderKey(random),
    amount: money(random),
    method: random.pick(methods),
    status: random.pick(paymentStates),
  }),
  patches: [
    (random) => ({ orderId: orderKey(random) }),
    (random) => ({ status: random.pick(paymentStates) }),
    (random) => ({ amount: money(random), method: random.pick(methods) }),
  ],
  invalid: { amount: -1 },
};

/** The state after a command that was applied to `state`. No body of ours has null members, so a patch only sets. */
export function stateAfter(command: Command, id: string, state: Fields | null): Fields | null {
  if (command.method === 'DELETE') return null;
  return command.method === 'PATCH' ? { ...state, ...command.body, id } : { ...command.body, id };
}
