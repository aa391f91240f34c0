import { expect, test } from 'vitest';
import { ordersSpec, wholeService } from '../api/v1alpha1/example-services.ts';
import { yamlOf } from './example-context.ts';
import { sharedStore } from './shared-parts.ts';

test('what every store is: one pod, one volume that survives it', () => {
  const store = sharedStore(wholeService('orders', ordersSpec), 'postgres');
  expect(yamlOf({ ...store, spec: { ...store.spec, template: {} } })).toMatchInlineSnapshot(`
    "apiVersion: apps/v1
    kind: StatefulSet
    metadata:
      name: orders-postgres
      namespace: shop
      labels:
        app.kubernetes.io/name: cqrs-service
        app.kubernetes.io/instance: orders
        app.kubernetes.io/component: postgres
        app.kubernetes.io/managed-by: cqrs-operator
      ownerReferences:
        - apiVersion: cqrs.dev/v1alpha1
          kind: CqrsService
          name: orders
          uid: uid-of-orders
          controller: true
          blockOwnerDeletion: true
    spec:
      replicas: 1
      serviceName: orders-postgres
      podManagementPolicy: Parallel
      selector:
        matchLabels:
          app.kubernetes.io/name: cqrs-service
          app.kubernetes.io/instance: orders
          app.kubernetes.io/component: postgres
      template: {}
      persistentVolumeClaimRetentionPolicy:
        whenDeleted: Retain
        whenScaled: Retain
      volumeClaimTemplates:
        - metadata:
            name: data
            labels:
              app.kubernetes.io/name: cqrs-service
              app.kubernetes.io/instance: orders
              app.kubernetes.io/component: postgres
          spec:
            accessModes:
              - ReadWriteOnce
            resources:
              requests:
                storage: 1Gi
    "
  `);
});
