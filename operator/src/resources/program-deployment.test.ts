import { describe, expect, test } from 'vitest';
import { ordersSpec, wholeService, type WrittenSpec } from '../api/v1alpha1/example-services.ts';
import { commandDeployment } from './command-deployment.ts';
import { exampleContext } from './example-context.ts';
import { ownYaml } from './own-yaml.ts';
import { ownedMeta } from './owner.ts';
import type { Deployment } from './program-deployment.ts';
import { projectorDeployment } from './projector-deployment.ts';
import { queryDeployment } from './query-deployment.ts';
import { relayDeployment } from './relay-deployment.ts';
import { servingProgram, sharedDeployment } from './example-parts.ts';

type Programs = Readonly<Record<'command' | 'relay' | 'projector' | 'query', Deployment>>;

function programs(spec: WrittenSpec, context = exampleContext): Programs {
  const service = wholeService('orders', spec);
  return {
    command: commandDeployment(service, context),
    relay: relayDeployment(service, context),
    projector: projectorDeployment(service, context),
    query: queryDeployment(service, context, undefined),
  };
}

const before = programs(ordersSpec);

/** The programs whose pods are replaced, in the order of the table above. */
function rolledBy(after: Programs): string[] {
  const names = ['command', 'relay', 'projector', 'query'] as const;
  const template = (of: Programs, name: keyof Programs) => JSON.stringify(of[name].spec.template);
  return names.filter((name) => template(before, name) !== template(after, name));
}

const orders = wholeService('orders', ordersSpec);

test('what every program is: one container of the services image with its configuration', () => {
  const deployment = sharedDeployment(orders, 'relay');
  expect(ownYaml(deployment, { metadata: ownedMeta(orders, 'relay') })).toMatchInlineSnapshot(`
    "apiVersion: apps/v1
    kind: Deployment
    spec:
      replicas: 1
      revisionHistoryLimit: 3
      strategy:
        type: Recreate
        rollingUpdate: null
      selector:
        matchLabels:
          app.kubernetes.io/name: cqrs-service
          app.kubernetes.io/instance: orders
          app.kubernetes.io/component: relay
      template:
        metadata:
          labels:
            app.kubernetes.io/name: cqrs-service
            app.kubernetes.io/instance: orders
            app.kubernetes.io/component: relay
            app.kubernetes.io/managed-by: cqrs-operator
          annotations:
            cqrs.dev/config-checksum: 44136fa355b3678a
        spec:
          automountServiceAccountToken: false
          enableServiceLinks: false
          terminationGracePeriodSeconds: 30
          securityContext:
            runAsNonRoot: true
            runAsUser: 65532
            runAsGroup: 65532
            fsGroup: 65532
            fsGroupChangePolicy: OnRootMismatch
            seccompProfile:
              type: RuntimeDefault
          containers:
            - name: relay
              image: cqrs/services:1
              args:
                - services/relay/src/main.ts
              env:
                - name: CQRS_LOG_LEVEL
                  value: info
              volumeMounts:
                - name: config
                  mountPath: /etc/cqrs
                  readOnly: true
                - name: tmp
                  mountPath: /tmp
              resources: {}
              ports:
                - name: ops
                  containerPort: 9090
              readinessProbe:
                httpGet:
                  path: /readyz
                  port: ops
                periodSeconds: 5
                timeoutSeconds: 2
                failureThreshold: 3
              livenessProbe:
                httpGet:
                  path: /livez
                  port: ops
                initialDelaySeconds: 10
                periodSeconds: 10
                timeoutSeconds: 5
                failureThreshold: 6
              imagePullPolicy: IfNotPresent
              terminationMessagePolicy: FallbackToLogsOnError
              securityContext:
                allowPrivilegeEscalation: false
                readOnlyRootFilesystem: true
                capabilities:
                  drop:
                    - ALL
          volumes:
            - name: config
              configMap:
                name: orders-relay
            - name: tmp
              emptyDir:
                sizeLimit: 64Mi
    "
  `);
});

test('a program that serves HTTP has a port for it, and its pods are spread over the nodes', () => {
  const silent = sharedDeployment(orders, 'query');
  const serving = sharedDeployment(orders, 'query', servingProgram);
  expect(ownYaml(serving, silent)).toMatchInlineSnapshot(`
    "spec:
      template:
        spec:
          containers:
            - name: query
              ports:
                - name: http
                  containerPort: 8080
                - name: ops
                  containerPort: 9090
              readinessProbe:
                periodSeconds: 1
          topologySpreadConstraints:
            - maxSkew: 1
              topologyKey: kubernetes.io/hostname
              whenUnsatisfiable: ScheduleAnyway
              labelSelector:
                matchLabels:
                  app.kubernetes.io/name: cqrs-service
                  app.kubernetes.io/instance: orders
                  app.kubernetes.io/component: query
    "
  `);
});

const [aggregate] = ordersSpec.aggregates;
const [view] = ordersSpec.query.views;

describe('a change rolls only the pods that read it', () => {
  test.each<[string, WrittenSpec, string[]]>([
    ['nothing', {}, []],
    ['more command replicas', { command: { replicas: 5 } }, []],
    ['a schema', { aggregates: [{ ...aggregate, schema: { type: 'object' } }] }, ['command']],
    [
      'another aggregate',
      { aggregates: [aggregate, { name: 'cart', schema: { type: 'object' } }] },
      ['command', 'relay'],
    ],
    ['a poison policy', { query: { views: [{ ...view, poison: 'dead-letter' }] } }, ['projector']],
    [
      'telemetry',
      { telemetry: { otlp: { endpoint: 'http://collector:4318' } } },
      ['command', 'relay', 'projector', 'query'],
    ],
    ['more environment', { command: { env: [{ name: 'CURRENCY', value: 'EUR' }] } }, ['command']],
    ['an index', { query: { views: [{ ...view, indexes: [] }] } }, ['projector', 'query']],
    [
      'a retention of one duration for another',
      { events: { retention: '7d' } },
      ['relay', 'projector', 'query'],
    ],
    ['the autoscaling', { query: { views: [view], autoscaling: { maxReplicas: 4 } } }, []],
    ['the deletion policy', { deletionPolicy: 'Delete' }, []],
    ['suspending', { suspend: true }, []],
  ])('%s: %s → %s', (_, change, rolled) => {
    expect(rolledBy(programs({ ...ordersSpec, ...change }))).toEqual(rolled);
  });

  test('another key for tokens rolls those that sign and read them', () => {
    const outside = { ...exampleContext.outside, tokenKey: 'another' };
    expect(rolledBy(programs(ordersSpec, { ...exampleContext, outside }))).toEqual([
      'command',
      'query',
    ]);
  });

  test('another module rolls the command alone', () => {
    const outside = { ...exampleContext.outside, behaviors: { order: 'another' } };
    expect(rolledBy(programs(ordersSpec, { ...exampleContext, outside }))).toEqual(['command']);
  });

  test('Secrets to pull images with are on every pod', () => {
    const images = { ...exampleContext.images, pullSecrets: ['registry', 'mirror'] };
    for (const { spec } of Object.values(programs(ordersSpec, { ...exampleContext, images }))) {
      expect(spec.template.spec.imagePullSecrets).toEqual([
        { name: 'registry' },
        { name: 'mirror' },
      ]);
    }
    expect(before.query.spec.template.spec).not.toHaveProperty('imagePullSecrets');
  });

  test('a new image rolls all of them', () => {
    const images = { ...exampleContext.images, services: 'cqrs/services:2' };
    expect(rolledBy(programs(ordersSpec, { ...exampleContext, images }))).toHaveLength(4);
  });
});

test.each(Object.entries(before))(
  '%s: its selector finds its own pods, and no others',
  (name, of) => {
    const { selector, template } = of.spec;
    const finds = (pods: Deployment): boolean =>
      Object.entries(selector.matchLabels).every(
        ([label, value]) => pods.spec.template.metadata.labels[label] === value,
      );
    expect(template.metadata.labels).toMatchObject(selector.matchLabels);
    const found = Object.entries(before).filter(([, pods]) => finds(pods));
    expect(found.map(([one]) => one)).toEqual([name]);
  },
);
