import type { AggregateConfig } from '@cqrs/contract/config.ts';

/** The service whose data plane is measured. */
export const service = { namespace: 'bench', name: 'orders' } as const;

export const orderAggregate: AggregateConfig = {
  name: 'order',
  schema: {
    type: 'object',
    required: ['customerId', 'total'],
    additionalProperties: false,
    properties: {
      customerId: { type: 'string', minLength: 1 },
      total: { type: 'number', minimum: 0 },
      note: { type: 'string' },
    },
  },
};

export function orderBody(number: number): string {
  return `{"customerId":"customer-${number % 1000}","total":${number % 500},"note":"left at the door"}`;
}
