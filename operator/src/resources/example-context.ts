import { stringify } from 'yaml';
import { exampleService, ordersSpec, paymentsSpec } from '../api/v1alpha1/example-services.ts';
import type { ResourceContext } from './context.ts';

const siblings = [exampleService('orders', ordersSpec), exampleService('payments', paymentsSpec)];

/** The context that the builders' tests share: official images, and two services to read from. */
export const exampleContext: ResourceContext = {
  images: {
    services: 'cqrs/services:1',
    postgres: 'postgres:17',
    kafka: 'apache/kafka:4.1.1',
    redis: 'redis:8',
    pullPolicy: 'IfNotPresent',
    pullSecrets: [],
  },
  logLevel: 'info',
  siblings: new Map(siblings.map((service) => [service.metadata.name, service])),
  outside: { behaviors: {}, tokenKey: 'hash-of-the-key' },
};

/** An object as YAML in the form of `kubectl get -o yaml`, for snapshots that people read. */
export function yamlOf(object: object): string {
  return stringify(object, { aliasDuplicateObjects: false, lineWidth: 0 });
}
