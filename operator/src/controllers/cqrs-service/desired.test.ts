import { describe, expect, it } from 'vitest';
import {
  exampleService,
  orderHistorySpec,
  ordersSpec,
  paymentsSpec,
  wholeService,
} from '../../api/v1alpha1/example-services.ts';
import type { CqrsService } from '../../api/v1alpha1/schema.ts';
import type { KubeObject } from '../../kube/object.ts';
import { exampleContext } from '../../resources/example-context.ts';
import type { PodTemplate } from '../../resources/pod-template.ts';
import type { Secret } from './caches.ts';
import { desiredObjects, type Desired, type Settings } from './desired.ts';
import { exampleObserved } from './example-observed.ts';
import { secretState, type Observed } from './observe.ts';

const orders = wholeService('orders', ordersSpec);
const observed = exampleObserved(orders);
const absent = {
  postgres: { state: 'absent' },
  redis: { state: 'absent' },
  consistency: { state: 'absent' },
} as const;

function desired(service: CqrsService, changes: Partial<Observed> = {}): Desired {
  return desiredObjects(service, { ...observed, ...changes }, settings());
}

function settings(): Settings {
  const { images, logLevel } = exampleContext;
  let made = 0;
  return {
    images,
    logLevel,
    newPassword: () => `password-${(made += 1)}`,
    newTokenKey: () => 'a-new-token-key',
  };
}

function names({ objects }: Desired): readonly string[] {
  return objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`).toSorted();
}

function object({ objects }: Desired, name: string): Child {
  const found = objects.find(({ kind, metadata }) => `${kind}/${metadata.name}` === name);
  if (found === undefined) throw new Error(`No ${name}`);
  return found;
}

type Child = KubeObject & {
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: { readonly replicas?: number; readonly template?: PodTemplate };
};

function checksumOf(child: Child): string | undefined {
  return child.spec?.template?.metadata.annotations['cqrs.dev/config-checksum'];
}

const text = (secret: Child): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(secret.data ?? {}).map(([key, value]) => [
      key,
      Buffer.from(value, 'base64').toString(),
    ]),
  );

const keyOf = (state: Observed['secrets']['consistency']): Observed['secrets'] => ({
  ...observed.secrets,
  consistency: state,
});
const keySecret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'cqrs-consistency' } };

const brought = (key: string, more: Readonly<Record<string, string>> = {}) => {
  const live = { ...keySecret, data: { 'token-key': key, ...more } };
  return desired(orders, { secrets: keyOf({ state: 'brought', live }) });
};
/** What a Secret's `data` holds: base64 of the key's own base64. */
const keyData = (letter: string, length = 32): string =>
  Buffer.from(Buffer.from(letter.repeat(length)).toString('base64')).toString('base64');
const [one, another] = [keyData('x'), keyData('y')];

describe('desiredObjects', () => {
  it('has both sides and the broker', () => {
    expect(names(desired(orders))).toEqual([
      'ConfigMap/cqrs-kafka',
      'ConfigMap/orders-command',
      'ConfigMap/orders-postgres',
      'ConfigMap/orders-projector',
      'ConfigMap/orders-query',
      'ConfigMap/orders-redis',
      'ConfigMap/orders-relay',
      'Deployment/orders-command',
      'Deployment/orders-projector',
      'Deployment/orders-query',
      'Deployment/orders-relay',
      'HorizontalPodAutoscaler/orders-projector',
      'HorizontalPodAutoscaler/orders-query',
      'PodDisruptionBudget/orders-command',
      'PodDisruptionBudget/orders-query',
      'Secret/cqrs-consistency',
      'Secret/orders-postgres',
      'Secret/orders-redis',
      'Service/cqrs-kafka',
      'Service/orders-command',
      'Service/orders-postgres',
      'Service/orders-query',
      'Service/orders-redis',
      'StatefulSet/cqrs-kafka',
      'StatefulSet/orders-postgres',
      'StatefulSet/orders-redis',
    ]);
  });

  it('has no write side for a read-only service', () => {
    const found = names(desired(exampleService('order-history', orderHistorySpec)));
    expect(found).toContain('Deployment/order-history-projector');
    expect(found.filter((name) => /command|relay|postgres/.test(name))).toEqual([]);
  });

  it('has no read side for a service without views', () => {
    const found = names(desired(exampleService('payments', paymentsSpec)));
    expect(found).toContain('Deployment/payments-relay');
    expect(found.filter((name) => /query|projector|redis/.test(name))).toEqual([]);
  });

  it('makes passwords only for a Secret that does not exist', () => {
    const fresh = desired(orders, { secrets: absent });
    const passwords = Object.values(text(object(fresh, 'Secret/orders-postgres')));
    expect(new Set(passwords).size).toBe(3);
    expect(passwords.every((password) => password.startsWith('password-'))).toBe(true);
    expect(text(object(desired(orders), 'Secret/orders-postgres'))).toEqual({
      'postgres-password': 'p',
      'command-password': 'c',
      'relay-password': 'r',
    });
  });

  it('neither writes nor prunes a Secret that lost a key', () => {
    const live = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'orders-redis' } };
    const incomplete = { state: 'incomplete', live, missing: ['redis-password'] } as const;
    const found = desired(orders, { secrets: { ...observed.secrets, redis: incomplete } });
    expect(names(found)).not.toContain('Secret/orders-redis');
    expect(found.kept).toEqual([live]);
  });

  const ofHelm: Secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'orders-redis', labels: { 'app.kubernetes.io/managed-by': 'Helm' } },
    data: { 'redis-password': 'cw==', theirs: 'eA==' },
  };
  const deleted = { ...orders, spec: { ...orders.spec, deletionPolicy: 'Delete' as const } };

  it('never writes a Secret of somebody else, whose deletion with the service it would cause', () => {
    const redis = secretState(deleted, ofHelm, ['redis']);
    const found = desired(deleted, { secrets: { ...observed.secrets, redis } });
    expect(names(found)).not.toContain('Secret/orders-redis');
    expect(names(found)).toContain('StatefulSet/orders-redis');
    expect(found).toMatchObject({ kept: [ofHelm], taken: [] });
  });

  it('tells of a Secret of somebody else without our keys, and makes no password for it', () => {
    const other = { ...ofHelm, data: { theirs: 'eA==' } };
    const redis = secretState(deleted, other, ['redis']);
    const found = desired(deleted, { secrets: { ...observed.secrets, redis } });
    expect(names(found)).not.toContain('Secret/orders-redis');
    expect(found).toMatchObject({ kept: [], taken: [other] });
  });

  it('takes up a Secret that an earlier service of ours retained', () => {
    const labels = { 'app.kubernetes.io/managed-by': 'cqrs-operator' };
    const retained = { ...ofHelm, metadata: { name: 'orders-redis', labels } };
    const redis = secretState(deleted, retained, ['redis']);
    const found = desired(deleted, { secrets: { ...observed.secrets, redis } });
    const written = object(found, 'Secret/orders-redis');
    expect(text(written)).toEqual({ 'redis-password': 's' });
    expect(written.metadata.ownerReferences).toHaveLength(1);
  });

  it('draws a key for tokens once, and then writes what is there', () => {
    const fresh = desired(orders, { secrets: keyOf({ state: 'absent' }) });
    expect(text(object(fresh, 'Secret/cqrs-consistency'))).toEqual({
      'token-key': 'a-new-token-key',
    });
    const again = desired(orders);
    expect(text(object(again, 'Secret/cqrs-consistency'))).toEqual({ 'token-key': 't' });
  });

  it('lets every CqrsService of the namespace own the key, and none control it', () => {
    const payments = exampleService('payments', paymentsSpec);
    const siblings = new Map<string, CqrsService>([
      ['payments', payments],
      ['orders', orders],
    ]);
    const { ownerReferences } = object(
      desired(payments, { siblings }),
      'Secret/cqrs-consistency',
    ).metadata;
    expect(ownerReferences?.map(({ name, controller }) => [name, controller])).toEqual([
      ['orders', undefined],
      ['payments', undefined],
    ]);
  });

  it('never writes a key of somebody else, and rolls command and query when it changes', () => {
    expect(names(brought(one))).not.toContain('Secret/cqrs-consistency');
    const rolled = ['command', 'relay', 'projector', 'query'].filter((part) => {
      const name = `Deployment/orders-${part}`;
      return checksumOf(object(brought(one), name)) !== checksumOf(object(brought(another), name));
    });
    expect(rolled).toEqual(['command', 'query']);
  });

  it('rolls command and query when a second key comes, and none while there is none', () => {
    const both = brought(one, { 'previous-token-key': another });
    const rolled = ['command', 'relay', 'projector', 'query'].filter((part) => {
      const name = `Deployment/orders-${part}`;
      return checksumOf(object(brought(one), name)) !== checksumOf(object(both, name));
    });
    expect(rolled).toEqual(['command', 'query']);
  });

  it('neither writes nor draws a key where it was taken out of its Secret', () => {
    const state = { state: 'incomplete', live: keySecret, missing: ['token-key'] } as const;
    const found = desired(orders, { secrets: keyOf(state) });
    expect(names(found)).not.toContain('Secret/cqrs-consistency');
    expect(found.kept).toContain(keySecret);
  });

  const unusable = {
    'was taken out of its Secret': {
      state: 'incomplete',
      live: keySecret,
      missing: ['token-key'],
    },
    'is not in the Secret that somebody made': { state: 'taken', live: keySecret },
    'is too short': {
      state: 'brought',
      live: { ...keySecret, data: { 'token-key': keyData('x', 31) } },
    },
    'has a second one beside it that is too short': {
      state: 'complete',
      live: {
        ...keySecret,
        data: { 'token-key': one, 'previous-token-key': keyData('y', 31) },
      },
      passwords: { token: Buffer.from(one, 'base64').toString() },
    },
  } as const satisfies Readonly<Record<string, Observed['secrets']['consistency']>>;

  it.each(Object.entries(unusable))(
    'leaves pods that have read a key as they are while it %s',
    (_, state) => {
      const found = desired(orders, { secrets: keyOf(state) });
      const held = ['Deployment/orders-command', 'Deployment/orders-query'];
      expect(names(found).filter((name) => held.includes(name))).toEqual([]);
      expect(names(found)).toContain('Deployment/orders-relay');
      const kept = found.kept.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
      expect(kept).toEqual(expect.arrayContaining(held));
      // Those of a new service wait for the key themselves, and of one that is suspended there are none.
      const made = names(desired(orders, { secrets: keyOf(state), workloads: {} }));
      expect(made).toEqual(expect.arrayContaining(held));
      const suspended = { ...orders, spec: { ...orders.spec, suspend: true } };
      expect(names(desired(suspended, { secrets: keyOf(state) }))).toEqual(
        expect.arrayContaining(held),
      );
    },
  );

  it('leaves the command pods as they are while a behavior is missing, and makes the rest', () => {
    const behaviors = { checksums: {}, missing: ['It is not there.'] };
    const found = desired(orders, { behaviors });
    expect(names(found)).not.toContain('Deployment/orders-command');
    expect(names(found)).toContain('Deployment/orders-relay');
    expect(found.kept.map(({ metadata }) => metadata.name)).toEqual(['orders-command']);
    const suspended = { ...orders, spec: { ...orders.spec, suspend: true } };
    expect(names(desired(suspended, { behaviors }))).toContain('Deployment/orders-command');
  });

  it('never says how many query pods there are, since the HPA does', () => {
    const found = object(desired(orders), 'Deployment/orders-query');
    expect(found.spec).not.toHaveProperty('replicas');
  });

  it('stops the pods of a suspended service, the autoscaler too, and leaves the stores', () => {
    const suspended = { ...orders, spec: { ...orders.spec, suspend: true } };
    const found = desired(suspended);
    for (const part of ['command', 'relay', 'projector', 'query']) {
      expect(object(found, `Deployment/orders-${part}`).spec?.replicas).toBe(0);
    }
    expect(names(found).filter((name) => name.startsWith('Horizontal'))).toEqual([]);
    expect(names(found)).toContain('StatefulSet/orders-postgres');
  });

  it('lets every CqrsService of the namespace own the broker, whichever of them is passed over', () => {
    const payments = exampleService('payments', paymentsSpec);
    const siblings = new Map<string, CqrsService>([
      ['payments', payments],
      ['orders', orders],
    ]);
    const byOrders = object(desired(orders, { siblings }), 'StatefulSet/cqrs-kafka');
    const byPayments = object(desired(payments, { siblings }), 'StatefulSet/cqrs-kafka');
    expect(byOrders).toEqual(byPayments);
    expect(byOrders.metadata.ownerReferences?.map(({ name }) => name)).toEqual([
      'orders',
      'payments',
    ]);
  });

  it('is the same for the same input', () => {
    expect(desired(orders)).toEqual(desired(orders));
  });
});
