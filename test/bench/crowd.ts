import {
  exampleService,
  ordersSpec,
  type WrittenSpec,
} from '../../operator/src/api/v1alpha1/example-services.ts';
import { cqrsServiceType, type CqrsService } from '../../operator/src/api/v1alpha1/schema.ts';
import { desiredObjects } from '../../operator/src/controllers/cqrs-service/desired.ts';
import { exampleObserved } from '../../operator/src/controllers/cqrs-service/example-observed.ts';
import { hasCommand, hasQuery } from '../../operator/src/api/v1alpha1/service-kinds.ts';
import type { KubeObject, Manifest } from '../../operator/src/kube/object.ts';
import { apiVersionOf } from '../../operator/src/kube/resource-type.ts';
import { exampleContext } from '../../operator/src/resources/example-context.ts';

/** A broker is shared by the services of its namespace: teams with ten services each. */
const servicesPerNamespace = 10;

export type Place = { readonly namespace: string; readonly name: string };

/** Where the services of a run lie. */
export function placesOf(services: number): readonly Place[] {
  return Array.from({ length: services }, (_, number) => ({
    namespace: `team-${Math.floor(number / servicesPerNamespace)}`,
    name: `orders-${number % servicesPerNamespace}`,
  }));
}

export function namespacesOf(places: readonly Place[]): readonly Manifest[] {
  return [...new Set(places.map(({ namespace }) => namespace))].map((name) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name },
  }));
}

/** A CqrsService with both sides, as a user writes it. */
export function writtenService({ namespace, name }: Place): Manifest & { spec: WrittenSpec } {
  return {
    apiVersion: apiVersionOf(cqrsServiceType),
    kind: cqrsServiceType.kind,
    metadata: { namespace, name },
    spec: ordersSpec,
  };
}

// The operator of the bench serves no metrics API, so its HPAs go by the CPU and projectors have none.
const withoutMetricsApi = { metricsApi: { state: 'absent', message: '' } } as const;

/** Every object that the operator makes of the services, each once. */
export function childrenOf(places: readonly Place[]): readonly KubeObject[] {
  const objects = places.flatMap(({ namespace, name }) => {
    const service = exampleService(name, ordersSpec);
    const placed: CqrsService = {
      ...service,
      metadata: { ...service.metadata, namespace, uid: `uid-of-${namespace}-${name}` },
    };
    if (!hasCommand(placed) || !hasQuery(placed)) throw new TypeError('The example lacks a side');
    const settings = {
      ...exampleContext,
      newPassword: () => 'a password of 32 characters',
      newTokenKey: () => 'a key of 44 characters',
    };
    return desiredObjects(placed, exampleObserved(placed, withoutMetricsApi), settings).objects;
  });
  const byPlace = objects.map((object) => {
    const { namespace = '', name } = object.metadata;
    return [`${object.kind}/${namespace}/${name}`, object] as const;
  });
  return [...new Map(byPlace).values()];
}
