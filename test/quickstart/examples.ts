import type { Update } from '../terminal/progress.ts';
import type { Kubectl } from './kubectl.ts';
import { eventually } from '../support/eventually.ts';

export const exampleNamespace = 'shop';
export const exampleServices = ['orders', 'payments', 'order-history'] as const;

const readyLimits = { timeoutMs: 5 * 60_000, periodMs: 1_000 };
const goneLimits = { timeoutMs: 2 * 60_000, periodMs: 1_000 };

type Condition = {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
};
type Service = { readonly status?: { readonly conditions?: readonly Condition[] } };

/** The namespace enforces the `restricted` Pod Security Standard, so the example proves that every pod passes it. */
export async function createNamespace(kubectl: Kubectl, name = exampleNamespace): Promise<void> {
  const namespace = {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name,
      labels: { 'pod-security.kubernetes.io/enforce': 'restricted' },
    },
  };
  await kubectl.run(['apply', '-f', '-'], JSON.stringify(namespace));
}

export async function applyExample(kubectl: Kubectl, name: string): Promise<void> {
  await kubectl.run([
    'apply',
    '-n',
    exampleNamespace,
    '-f',
    `charts/cqrs-service/examples/${name}.yaml`,
  ]);
}

/** Waits for Ready=True and shows, while waiting, the first condition that is not met: the status explains itself. */
export async function untilReady(
  kubectl: Kubectl,
  name: string,
  update: Update,
  namespace: string = exampleNamespace,
): Promise<void> {
  await eventually(`CqrsService ${name} to be Ready`, readyLimits, async (saw) => {
    const { status } = await kubectl.json<Service>(['get', 'cqrs', name, '-n', namespace]);
    const conditions = status?.conditions ?? [];
    if (conditions.some(({ type, status: value }) => type === 'Ready' && value === 'True'))
      return true;
    const stages = conditions.filter(
      ({ type }) => !['Ready', 'Reconciling', 'Stalled'].includes(type),
    );
    const open = stages.find((condition) => condition.status !== 'True');
    const done = stages.filter((condition) => condition.status === 'True').length;
    const seen = open === undefined ? 'no conditions yet' : `${open.type}: ${open.reason}`;
    update({ done, total: stages.length, label: seen });
    saw(open === undefined ? seen : `${seen}: ${open.message}`);
    return false;
  });
}

export async function removeExamples(kubectl: Kubectl): Promise<void> {
  await removeNamespace(kubectl, exampleNamespace);
}

/** Returns when the namespace and all that was in it is gone. */
export async function removeNamespace(kubectl: Kubectl, name: string): Promise<void> {
  await kubectl.run(['delete', 'namespace', name, '--ignore-not-found', '--wait=false']);
  await eventually(
    `namespace ${name} to be gone`,
    goneLimits,
    async () => !(await kubectl.succeeds(['get', 'namespace', name])),
  );
}
