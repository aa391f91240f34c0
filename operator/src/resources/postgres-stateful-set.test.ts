import { expect, test } from 'vitest';
import { ordersSpec, wholeService } from '../api/v1alpha1/example-services.ts';
import { exampleContext } from './example-context.ts';
import { ownYaml } from './own-yaml.ts';
import { sharedStore } from './example-parts.ts';
import { postgresStatefulSet } from './postgres-stateful-set.ts';

test('the StatefulSet of the write database', () => {
  const orders = wholeService('orders', ordersSpec);
  const shared = sharedStore(orders, 'postgres');
  expect(ownYaml(postgresStatefulSet(orders, exampleContext), shared)).toMatchInlineSnapshot(`
    "spec:
      template:
        metadata:
          annotations:
            cqrs.dev/config-checksum: b954d053a832c5c1
        spec:
          securityContext:
            runAsUser: 999
            runAsGroup: 999
            fsGroup: 999
          containers:
            - name: postgres
              image: postgres:17
              volumeMounts:
                - name: data
                  mountPath: /var/lib/postgresql/data
                - name: run
                  mountPath: /var/run/postgresql
                - name: config
                  mountPath: /etc/postgresql
                  readOnly: true
                - name: tmp
                  mountPath: /tmp
              resources:
                requests:
                  cpu: 50m
                  memory: 128Mi
                limits:
                  memory: 512Mi
              command:
                - flock
                - --no-fork
                - --timeout=60
                - /var/lib/postgresql/data/lock
                - /usr/lib/postgresql/17/bin/postgres
                - -D
                - /var/lib/postgresql/data/pgdata
                - -c
                - config_file=/etc/postgresql/postgresql.conf
                - -c
                - hba_file=/etc/postgresql/pg_hba.conf
              ports:
                - name: postgres
                  containerPort: 5432
              startupProbe:
                exec:
                  command:
                    - /usr/lib/postgresql/17/bin/pg_isready
                    - -h
                    - 127.0.0.1
                    - -p
                    - "5432"
                    - -q
                timeoutSeconds: 5
                periodSeconds: 1
                failureThreshold: 300
              readinessProbe:
                exec:
                  command:
                    - /usr/lib/postgresql/17/bin/pg_isready
                    - -h
                    - 127.0.0.1
                    - -p
                    - "5432"
                    - -q
                timeoutSeconds: 5
                periodSeconds: 5
                failureThreshold: 2
              livenessProbe:
                exec:
                  command:
                    - /usr/lib/postgresql/17/bin/pg_isready
                    - -h
                    - 127.0.0.1
                    - -p
                    - "5432"
                    - -q
                timeoutSeconds: 5
                periodSeconds: 10
                failureThreshold: 6
          volumes:
            - name: config
              configMap:
                name: orders-postgres
            - name: run
              emptyDir:
                sizeLimit: 16Mi
            - name: tmp
              emptyDir:
                sizeLimit: 64Mi
          initContainers:
            - name: prepare
              image: postgres:17
              command:
                - flock
                - --no-fork
                - --timeout=60
                - /var/lib/postgresql/data/lock
                - sh
                - -eu
                - /etc/postgresql/prepare.sh
              env:
                - name: PGDATA
                  value: /var/lib/postgresql/data/pgdata
                - name: POSTGRES_PASSWORD
                  valueFrom:
                    secretKeyRef:
                      name: orders-postgres
                      key: postgres-password
                - name: COMMAND_PASSWORD
                  valueFrom:
                    secretKeyRef:
                      name: orders-postgres
                      key: command-password
                - name: RELAY_PASSWORD
                  valueFrom:
                    secretKeyRef:
                      name: orders-postgres
                      key: relay-password
              volumeMounts:
                - name: data
                  mountPath: /var/lib/postgresql/data
                - name: run
                  mountPath: /var/run/postgresql
                - name: config
                  mountPath: /etc/postgresql
                  readOnly: true
                - name: tmp
                  mountPath: /tmp
              resources:
                requests:
                  cpu: 50m
                  memory: 128Mi
                limits:
                  memory: 512Mi
              imagePullPolicy: IfNotPresent
              terminationMessagePolicy: FallbackToLogsOnError
              securityContext:
                allowPrivilegeEscalation: false
                readOnlyRootFilesystem: true
                capabilities:
                  drop:
                    - ALL
    "
  `);
});

test.each(['Retain', 'Delete'] as const)(
  'its volume follows deletionPolicy %s',
  (deletionPolicy) => {
    const { spec } = postgresStatefulSet(
      wholeService('orders', { ...ordersSpec, deletionPolicy }),
      exampleContext,
    );
    expect(spec.persistentVolumeClaimRetentionPolicy.whenDeleted).toBe(deletionPolicy);
  },
);

test('a suspended service keeps its database', () => {
  const suspended = wholeService('orders', { ...ordersSpec, suspend: true });
  expect(postgresStatefulSet(suspended, exampleContext).spec.replicas).toBe(1);
});
