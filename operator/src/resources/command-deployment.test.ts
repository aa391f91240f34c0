import { expect, test } from 'vitest';
import { ordersSpec, wholeService, type WrittenSpec } from '../api/v1alpha1/example-services.ts';
import { commandDeployment } from './command-deployment.ts';
import { exampleContext } from './example-context.ts';
import { ownYaml } from './own-yaml.ts';
import { servingProgram, sharedDeployment } from './example-parts.ts';

test('the Deployment of the command', () => {
  const orders = wholeService('orders', ordersSpec);
  const shared = sharedDeployment(orders, 'command', servingProgram);
  expect(ownYaml(commandDeployment(orders, exampleContext), shared)).toMatchInlineSnapshot(`
    "spec:
      replicas: 2
      strategy:
        type: RollingUpdate
        rollingUpdate:
          maxSurge: 25%
          maxUnavailable: 0
      template:
        metadata:
          annotations:
            cqrs.dev/config-checksum: a31c3e1f30241b7a
        spec:
          containers:
            - name: command
              env:
                - name: CQRS_LOG_LEVEL
                  value: info
                - name: CQRS_POSTGRES_HOST
                  value: orders-postgres.shop.svc
                - name: CQRS_POSTGRES_PORT
                  value: "5432"
                - name: CQRS_POSTGRES_DATABASE
                  value: cqrs
                - name: CQRS_POSTGRES_USER
                  value: cqrs_command
                - name: CQRS_POSTGRES_PASSWORD
                  valueFrom:
                    secretKeyRef:
                      name: orders-postgres
                      key: command-password
                - name: CQRS_TOKEN_KEY
                  valueFrom:
                    secretKeyRef:
                      name: cqrs-consistency
                      key: token-key
                - name: CQRS_TOKEN_KEY_PREVIOUS
                  valueFrom:
                    secretKeyRef:
                      name: cqrs-consistency
                      key: previous-token-key
                      optional: true
              resources:
                requests:
                  cpu: 25m
                  memory: 96Mi
                limits:
                  memory: 384Mi
    "
  `);
});

test('a suspended service has no pods of it', () => {
  const suspended = wholeService('orders', { ...ordersSpec, suspend: true });
  expect(commandDeployment(suspended, exampleContext).spec.replicas).toBe(0);
});

const [aggregate] = ordersSpec.aggregates;
const behavior = { configMap: { name: 'order-behavior', key: 'order.ts' } };
const podOf = (spec: WrittenSpec) =>
  commandDeployment(wholeService('orders', { ...ordersSpec, ...spec }), exampleContext).spec
    .template.spec;

test('a behavior of a ConfigMap is a file beside the configuration', () => {
  const pod = podOf({ aggregates: [{ ...aggregate, behavior }] });
  expect(pod.volumes[0]).toEqual({
    name: 'config',
    projected: {
      sources: [
        {
          configMap: {
            name: 'orders-command',
            items: [{ key: 'config.json', path: 'config.json' }],
          },
        },
        {
          configMap: {
            name: 'order-behavior',
            items: [{ key: 'order.ts', path: 'behavior/order/order.ts' }],
          },
        },
      ],
    },
  });
});

test('an image with behavior runs the command program of ours', () => {
  const pod = podOf({
    aggregates: [{ ...aggregate, behavior: { module: '/app/order.ts' } }],
    command: { image: 'shop/orders:1', env: [{ name: 'CURRENCY', value: 'EUR' }] },
  });
  expect(pod.initContainers).toBeUndefined();
  expect(pod.containers[0]).toMatchObject({
    image: 'shop/orders:1',
    args: ['services/command/src/main.ts'],
    readinessProbe: { httpGet: { path: '/readyz', port: 'ops' } },
  });
  expect(pod.containers[0]?.env?.at(-1)).toEqual({ name: 'CURRENCY', value: 'EUR' });
});

test('an image without behavior is a program of its own, behind the migrations', () => {
  const pod = podOf({ command: { image: 'shop/orders-java:1' } });
  expect(ownYaml(pod, podOf({}))).toMatchInlineSnapshot(`
    "containers:
      - name: command
        image: shop/orders-java:1
        args: (absent)
        ports:
          - name: http
            containerPort: 8080
        readinessProbe:
          httpGet: (absent)
          tcpSocket:
            port: http
        livenessProbe: (absent)
    initContainers:
      - name: migrations
        image: cqrs/services:1
        args:
          - services/command/src/run-migrations.ts
        env:
          - name: CQRS_LOG_LEVEL
            value: info
          - name: CQRS_POSTGRES_HOST
            value: orders-postgres.shop.svc
          - name: CQRS_POSTGRES_PORT
            value: "5432"
          - name: CQRS_POSTGRES_DATABASE
            value: cqrs
          - name: CQRS_POSTGRES_USER
            value: cqrs_command
          - name: CQRS_POSTGRES_PASSWORD
            valueFrom:
              secretKeyRef:
                name: orders-postgres
                key: command-password
        volumeMounts:
          - name: config
            mountPath: /etc/cqrs
            readOnly: true
          - name: tmp
            mountPath: /tmp
        resources:
          requests:
            cpu: 25m
            memory: 96Mi
          limits:
            memory: 384Mi
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
