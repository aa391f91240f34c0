import { expect, test } from 'vitest';
import { ordersSpec, wholeService } from '../api/v1alpha1/example-services.ts';
import { ownYaml } from './own-yaml.ts';
import { ownedMeta } from './owner.ts';
import { sharedStore } from './example-parts.ts';

test('what every store is: one pod, one volume that survives it', () => {
  const orders = wholeService('orders', ordersSpec);
  const store = sharedStore(orders, 'postgres');
  const { template } = store.spec;
  const shared = { metadata: ownedMeta(orders, 'postgres'), spec: { template } };
  expect(ownYaml(store, shared)).toMatchInlineSnapshot(`
    "spec:
      replicas: 1
      serviceName: orders-postgres
      podManagementPolicy: Parallel
      selector:
        matchLabels:
          app.kubernetes.io/name: cqrs-service
          app.kubernetes.io/instance: orders
          app.kubernetes.io/component: postgres
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
    apiVersion: apps/v1
    kind: StatefulSet
    "
  `);
});
