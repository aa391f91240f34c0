/** What runs: the services of charts/cqrs-service/examples, as the operator would configure them. */
import { readFileSync } from 'node:fs';
import type {
  AggregateConfig,
  CommandConfig,
  RelayConfig,
  ServiceIdentity,
  ViewConfig,
} from '@cqrs/contract/config.ts';
import { postgresNames, slotName } from '@cqrs/contract/postgres-names.ts';
import { topicName } from '@cqrs/contract/topics.ts';
import { parse } from 'yaml';

const namespace = 'shop';
const partitions = 6;

export type WriteName = 'orders' | 'payments';
export type AggregateName = 'order' | 'payment';

export type WriteService = {
  readonly name: WriteName;
  readonly aggregate: AggregateName;
  readonly topic: string;
  readonly commandConfig: CommandConfig;
  readonly relayConfig: RelayConfig;
};

export type ReadService = {
  readonly name: WriteName | 'order-history';
  readonly view: ViewConfig;
  /** Of the projector and of the query service. */
  readonly config: { readonly service: ServiceIdentity; readonly views: readonly ViewConfig[] };
};

const topics = {
  order: topicName({ namespace, name: 'orders' }, 'order'),
  payment: topicName({ namespace, name: 'payments' }, 'payment'),
};

function aggregatesOf(name: WriteName): readonly AggregateConfig[] {
  const file = new URL(`../../charts/cqrs-service/examples/${name}.yaml`, import.meta.url);
  const { spec } = parse(readFileSync(file, 'utf8')) as {
    readonly spec: { readonly aggregates: readonly AggregateConfig[] };
  };
  return spec.aggregates;
}

function writeService(name: WriteName, aggregate: AggregateName): WriteService {
  const service = { namespace, name };
  const topic = topics[aggregate];
  return {
    name,
    aggregate,
    topic,
    commandConfig: { service, aggregates: aggregatesOf(name) },
    relayConfig: {
      service,
      slot: slotName(service),
      publication: postgresNames.publication,
      topics: [{ aggregate, topic, partitions, retention: 'forever' }],
    },
  };
}

function readService(name: ReadService['name'], view: ViewConfig): ReadService {
  return { name, view, config: { service: { namespace, name }, views: [view] } };
}

const root = (aggregate: AggregateName) =>
  ({ topic: topics[aggregate], aggregate, gapless: true, role: 'root' }) as const;
const byCustomer = { by: ['customerId'], order: ['-placedAt'] } as const;

export const writeServices: readonly WriteService[] = [
  writeService('orders', 'order'),
  writeService('payments', 'payment'),
];

export const readServices: readonly ReadService[] = [
  readService('orders', { name: 'orders', sources: [root('order')], indexes: [byCustomer] }),
  readService('payments', {
    name: 'payments',
    sources: [root('payment')],
    indexes: [{ by: ['orderId'], order: [] }],
  }),
  readService('order-history', {
    name: 'order-history',
    sources: [
      root('order'),
      {
        topic: topics.payment,
        aggregate: 'payment',
        gapless: true,
        role: 'part',
        key: 'orderId',
        as: 'payments',
        many: true,
      },
    ],
    indexes: [byCustomer],
  }),
];
