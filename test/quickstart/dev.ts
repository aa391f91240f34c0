/**
 * `npm run dev`: the operator as a process of this machine, on the cluster that `npm start` found or made. It takes the
 * place of the one in the cluster, with the same images, and gives it back at the end. Flags are passed on.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createTerminal } from '../terminal/progress.ts';
import { openCluster, type Cluster } from './find-cluster.ts';
import { operatorNamespace } from './install.ts';
import { startedBefore } from './remove.ts';

type Deployment = {
  readonly spec: {
    readonly replicas: number;
    readonly template: { readonly spec: { readonly containers: readonly { args: string[] }[] } };
  };
};

const deployment = ['deployment/cqrs-operator', '-n', operatorNamespace];
const given = process.argv.slice(2);
const terminal = createTerminal(process.stdout);

async function runOperator(args: readonly string[]): Promise<void> {
  const operator = spawn('node', ['operator/src/main.ts', ...args], { stdio: 'inherit' });
  const forward = (signal: NodeJS.Signals): boolean => operator.kill(signal);
  process.once('SIGINT', forward).once('SIGTERM', forward);
  const [code] = (await once(operator, 'exit')) as [number | null];
  process.exitCode = code ?? 1;
}

async function scaleInCluster(cluster: Cluster, replicas: number): Promise<void> {
  await cluster.kubectl.run(['scale', ...deployment, `--replicas=${replicas}`]);
  await cluster.kubectl.run(['rollout', 'status', ...deployment, '--timeout=60s']);
}

async function takePlace(): Promise<void> {
  const started = await startedBefore();
  if (started === null) {
    throw new Error(
      'There is nothing to work on: run `npm start` first, or run the operator by hand (`node operator/src/main.ts --help`).',
    );
  }
  const cluster = await terminal.step('find the cluster', async (update) =>
    openCluster(started.choice, update),
  );
  const { spec } = await cluster.kubectl.json<Deployment>(['get', ...deployment]);
  const inherited = (spec.template.spec.containers[0]?.args ?? []).filter((flag) =>
    /^--(?:\w+-image|image-pull-policy|watch-namespaces)=/u.test(flag),
  );
  await terminal.step('stop the operator in the cluster', async () => scaleInCluster(cluster, 0));
  try {
    terminal.line(
      '  the metrics API runs only in the cluster: the HPA sees no reads until you stop this',
    );
    await runOperator([...cluster.connection, ...inherited, ...given]);
  } finally {
    await terminal.step('start the operator in the cluster again', async () =>
      scaleInCluster(cluster, Math.max(1, spec.replicas)),
    );
  }
}

try {
  await (given.includes('--help') ? runOperator(['--help']) : takePlace());
} catch (error) {
  terminal.line(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
