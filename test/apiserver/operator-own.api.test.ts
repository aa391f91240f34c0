/** The operator as a program: what it prints, how it says that it is well, and how it ends. */
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFailed, onTestFinished, test } from 'vitest';
import { ordersSpec } from '../../operator/src/api/v1alpha1/example-services.ts';
import type { Lease } from '../../operator/src/kube/lease.ts';
import type { KubeObject } from '../../operator/src/kube/object.ts';
import { builtin } from '../../operator/src/kube/resource-type.ts';
import { metricDefinitions } from '../../operator/src/telemetry/metrics.ts';
import {
  launchOperator,
  startOperator,
  type OperatorProcess,
} from '../support/operator-process.ts';
import {
  startOperatorWorld,
  tellOnFailure,
  type OperatorWorld,
} from '../support/operator-world.ts';
import { eventually } from '../support/eventually.ts';

const soonMs = 60_000;
const outageMs = 10_000;
// Every informer may try once in 200 ms at first, and seldom later.
const reconnectsMax = 30 * 11;

let world: OperatorWorld;

beforeAll(async () => {
  world = await startOperatorWorld();
});

afterAll(() => world?.stop());

async function start(args: readonly string[] = []): Promise<OperatorProcess> {
  const operator = await startOperator(world.apiServer.kubeconfigPath, args);
  onTestFinished(operator.kill);
  tellOnFailure(operator);
  return operator;
}

type Answer = { readonly status: number; readonly text: string };

async function ask({ ops }: OperatorProcess, path: string): Promise<Answer | undefined> {
  try {
    const answer = await fetch(ops + path);
    return { status: answer.status, text: await answer.text() };
  } catch {
    return undefined;
  }
}

const main = 'operator/src/main.ts';
const runToItsEnd = (...args: readonly string[]) =>
  spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });

test('--help tells every flag, and a flag that is not known is named', () => {
  const help = runToItsEnd('--help');
  expect(help.status).toBe(0);
  expect(help.stderr).toBe('');
  expect(help.stdout).toMatch(
    /^Usage: node operator\/src\/main\.ts --services-image IMAGE \[flags\]/,
  );
  expect(help.stdout).toContain('--watch-namespaces A,B');
  const wrong = runToItsEnd('--services-image=x', '--watch-namespace=shop');
  expect(wrong.status).toBe(1);
  expect(wrong.stdout).toBe('');
  expect(wrong.stderr).toMatch(/^Unknown option '--watch-namespace'/);
  expect(wrong.stderr).toContain('--watch-namespaces A,B');
});

test('every line that it writes is JSON, and /metrics shows the whole table', async () => {
  const operator = await start();
  const namespace = await world.createNamespace('metrics');
  await world.apply({ namespace, name: 'orders' }, ordersSpec);
  await eventually('a pass', soonMs, async () => (await operator.passes()) > 0);
  const served = (await ask(operator, '/metrics'))?.text ?? '';
  const names = [...served.matchAll(/^# TYPE (cqrs_operator_\w+) (\w+)$/gm)];
  const table = Object.entries(metricDefinitions).map(([name, { type }]) => `${name} ${type}`);
  expect(names.map(([, name, type]) => `${name} ${type}`).toSorted()).toEqual(table.toSorted());
  expect(await operator.stop()).toBe(0);
  const lines = operator.output().trim().split('\n');
  expect(lines.length).toBeGreaterThan(3);
  for (const line of lines) {
    expect(JSON.parse(line)).toMatchObject({
      level: expect.any(Number),
      time: expect.any(String),
      program: 'operator',
      message: expect.any(String),
    });
  }
});

test('it is alive, but not ready, until it has seen the cluster; an outage later is caught up with', async () => {
  await world.apiServer.kill();
  onTestFailed(() => world.apiServer.restart());
  const operator = await launchOperator(world.apiServer.kubeconfigPath);
  onTestFinished(operator.kill);
  tellOnFailure(operator);
  await eventually('the reason', soonMs, async () => {
    return (await ask(operator, '/readyz'))?.text.includes('ECONNREFUSED');
  });
  expect(await ask(operator, '/readyz')).toMatchObject({
    status: 503,
    text: expect.stringMatching(/^deployments: not listed yet, because GET .*ECONNREFUSED/m),
  });
  expect(await ask(operator, '/livez')).toMatchObject({ status: 200 });
  await world.apiServer.restart();
  await eventually(
    'it to be ready',
    soonMs,
    async () => (await ask(operator, '/readyz'))?.status === 200,
  );

  await world.apiServer.kill();
  await sleep(outageMs);
  await world.apiServer.restart();
  type Deployment = KubeObject & { spec: { replicas: number } };
  const command = { namespace: 'metrics', name: 'orders-command' };
  await world.admin.mergePatch(builtin.deployment, command, { spec: { replicas: 7 } });
  const changedAtMs = performance.now();
  await eventually('the drift to be healed', soonMs, async () => {
    return (await world.admin.get<Deployment>(builtin.deployment, command)).spec.replicas === 2;
  });
  process.stdout.write(
    `healed ${Math.round(performance.now() - changedAtMs)} ms after it was back\n`,
  );
  const metrics = (await ask(operator, '/metrics'))?.text ?? '';
  const reconnects = [
    ...metrics.matchAll(/^cqrs_operator_informer_reconnects_total\{.*\} (\d+)$/gm),
  ].reduce((sum, [, count]) => sum + Number(count), 0);
  expect(reconnects).toBeGreaterThan(0);
  expect(reconnects).toBeLessThan(reconnectsMax);
  expect(await operator.stop()).toBe(0);
}, 180_000);

test('told to stop, it gives the Lease back; with the API server gone, it ends all the same', async () => {
  const lease = async (): Promise<string | undefined> => {
    const found = await world.find<Lease>(builtin.lease, 'default', 'cqrs-operator');
    return found?.spec.holderIdentity;
  };
  const leads = ['--leader-elect', '--namespace=default', '--identity=me'];
  const operator = await start(leads);
  await eventually('the lease', soonMs, async () => (await lease()) === 'me');
  expect(await operator.stop()).toBe(0);
  expect(await lease()).toBe('');

  const other = await start(leads);
  await eventually('the lease', soonMs, async () => (await lease()) === 'me');
  world.apiServer.pause();
  onTestFinished(() => world.apiServer.resume());
  expect(await other.stop()).toBe(0);
});
