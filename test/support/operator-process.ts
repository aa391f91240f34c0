import { fileURLToPath } from 'node:url';
import { freePort } from './loopback-port.ts';
import { eventually } from './eventually.ts';
import { startChild, type Child } from './process.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const readyMsMax = 30_000;
const writeVerbs = ['create', 'update', 'apply', 'patch', 'delete'];

/** The operator as its image runs it, but outside of the cluster. */
export type OperatorProcess = Child & {
  /** `http://host:port` of its health and metrics. */
  readonly ops: string;
  /** Requests sent so far that change something, by verb and kind: `apply services` → 3. */
  readonly writes: () => Promise<Readonly<Record<string, number>>>;
  /** Passes over CqrsServices so far. */
  readonly passes: () => Promise<number>;
};

export async function startOperator(
  kubeconfigPath: string,
  args: readonly string[] = [],
): Promise<OperatorProcess> {
  const operator = await launchOperator(kubeconfigPath, args);
  await eventually('the operator to be ready', readyMsMax, async () => {
    if (!operator.running()) throw new Error(`The operator ended:\n${operator.output()}`);
    const answer = await fetch(`${operator.ops}/readyz`).catch(() => undefined);
    return answer?.ok;
  });
  return operator;
}

/** Starts the operator and waits for nothing. */
export async function launchOperator(
  kubeconfigPath: string,
  args: readonly string[] = [],
): Promise<OperatorProcess> {
  const opsPort = await freePort();
  const ops = `http://127.0.0.1:${opsPort}`;
  const child = await startChild(
    [
      process.execPath,
      'operator/src/main.ts',
      `--kubeconfig=${kubeconfigPath}`,
      '--services-image=cqrs/services:test',
      `--ops-port=${opsPort}`,
      ...args,
    ],
    { cwd: root },
  );
  const samples = async (name: string): Promise<readonly (readonly [string, number])[]> => {
    const text = await (await fetch(`${ops}/metrics`)).text();
    const lines = text.matchAll(new RegExp(`^${name}\\{(.*)\\} (\\d+)$`, 'gm'));
    return [...lines].map(([, labels = '', value]) => [labels, Number(value)] as const);
  };
  return {
    ...child,
    ops,
    async writes() {
      const requests = await samples('cqrs_operator_kube_requests_total');
      const counts: Record<string, number> = {};
      for (const [labels, count] of requests) {
        const [, verb = '', resource = ''] = /verb="(\w+)",resource="(\w+)"/.exec(labels) ?? [];
        const what = `${verb} ${resource}`;
        // There is a sample for each status code.
        if (writeVerbs.includes(verb)) counts[what] = (counts[what] ?? 0) + count;
      }
      return counts;
    },
    async passes() {
      const results = await samples('cqrs_operator_reconcile_total');
      return results.reduce((total, [, count]) => total + count, 0);
    },
  };
}
