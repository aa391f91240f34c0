/**
 * Several replicas of the operator under the chart's own rights, each as a user of its own: the API server's audit log
 * says who wrote when. Somebody changes a child all the time, so that whoever leads has something to write.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ordersSpec } from '../../operator/src/api/v1alpha1/example-services.ts';
import type { KubeObject } from '../../operator/src/kube/object.ts';
import { builtin } from '../../operator/src/kube/resource-type.ts';
import type { AuditEvent } from '../support/audit-log.ts';
import {
  grantRights,
  releaseNamespace,
  renderRights,
  serviceAccountKubeconfig,
  userOf,
} from '../support/chart-rights.ts';
import { startOperator, type OperatorProcess } from '../support/operator-process.ts';
import {
  startOperatorWorld,
  tellOnFailure,
  type OperatorWorld,
} from '../support/operator-world.ts';
import { eventually } from '../support/eventually.ts';

// What issue and chart promise, and what a machine with other work may add.
const handOverMsMax = 20_000;
const slackMs = 20_000;
const leaseMs = 15_000;
const unhealedMs = 1000;
const namespace = 'shop';
const names = ['first', 'second', 'third'] as const;
type Name = (typeof names)[number];

let world: OperatorWorld;
let kubeconfigs: Readonly<Record<Name, string>>;
const stopping = new AbortController();
let drifting: Promise<void>;

beforeAll(async () => {
  world = await startOperatorWorld({ audit: true });
  const { admin, apiServer } = world;
  const subjects = names.map((name) => ({
    kind: 'ServiceAccount',
    namespace: releaseNamespace,
    name,
  }));
  const rights = await renderRights(['metricsApi.enabled=false']);
  await grantRights(
    admin,
    rights.map((right) => (right.subjects === undefined ? right : { ...right, subjects })),
  );
  const paths: [Name, string][] = [];
  for (const name of names) {
    paths.push([name, await serviceAccountKubeconfig(admin, apiServer, name)]);
  }
  kubeconfigs = Object.fromEntries(paths) as Record<Name, string>;
  await world.createNamespace(namespace);
  await world.apply({ namespace, name: 'orders' }, ordersSpec);
  drifting = drift();
});

afterAll(async () => {
  stopping.abort();
  await drifting;
  await world?.stop();
});

type Deployment = KubeObject & { spec: { replicas: number } };

/** Gives the command pods a number of replicas that is wrong, again and again. */
async function drift(): Promise<void> {
  const ref = { namespace, name: 'orders-command' };
  for (let replicas = 3; !stopping.signal.aborted; replicas = 3 + (replicas % 7)) {
    await world.admin
      .mergePatch<Deployment>(builtin.deployment, ref, { spec: { replicas } })
      .catch(() => undefined);
    await sleep(100);
  }
}

async function startReplica(name: Name): Promise<OperatorProcess> {
  const operator = await startOperator(kubeconfigs[name], [
    '--leader-elect',
    `--namespace=${releaseNamespace}`,
    `--identity=${name}`,
    '--pod-status=direct',
    '--resync-seconds=1',
  ]);
  tellOnFailure(operator);
  return operator;
}

const writeVerbs = new Set(['create', 'update', 'patch', 'delete']);

/** Who wrote what a leader alone may write, and was not refused, in order, since `sinceMs`. */
async function writes(sinceMs = 0): Promise<readonly { by: string; atMs: number; what: string }[]> {
  const events = await world.apiServer.audit();
  return events
    .filter((event) => writeVerbs.has(event.verb) && event.objectRef?.resource !== 'leases')
    .flatMap((event) => {
      const by = names.find((name) => userOf(name) === event.user.username);
      const atMs = Date.parse(event.requestReceivedTimestamp);
      const what = `${event.verb} ${event.requestURI} ${event.responseStatus?.code}`;
      const wasRefused = (event.responseStatus?.code ?? 0) >= 400;
      return by === undefined || wasRefused || atMs < sinceMs ? [] : [{ by, atMs, what }];
    });
}

/** The writers one after the other; with two at once a name would come back. */
async function writers(): Promise<readonly string[]> {
  const all = await writes();
  return all.map(({ by }) => by).filter((by, position) => by !== all[position - 1]?.by);
}

async function untilWriting(name: Name, sinceMs: number, withinMs: number): Promise<number> {
  return eventually(`${name} to write`, withinMs, async () => {
    const found = (await writes(sinceMs)).find(({ by }) => by === name);
    if (found === undefined) await sleep(200);
    return found?.atMs;
  });
}

async function untilItLooksAtTheLease(name: Name): Promise<void> {
  await eventually(`${name} to look at the lease`, slackMs, async () => {
    const events = await world.apiServer.audit();
    return events.some(
      ({ user, objectRef }) => user.username === userOf(name) && objectRef?.resource === 'leases',
    );
  });
}

test('a leader that is killed, and one that sleeps beyond its lease, is followed within 20 s, and two never write at once', async () => {
  const first = await startReplica('first');
  await untilWriting('first', 0, slackMs);
  const second = await startReplica('second');
  await untilItLooksAtTheLease('second');

  const killedAtMs = Date.now();
  await first.kill();
  const secondAtMs = await untilWriting('second', killedAtMs, handOverMsMax + slackMs);
  const third = await startReplica('third');
  await untilItLooksAtTheLease('third');
  await untilWriting('second', Date.now(), slackMs);

  const sleptAtMs = Date.now();
  second.signal('SIGSTOP');
  const thirdAtMs = await untilWriting('third', sleptAtMs, handOverMsMax + slackMs);

  // With its follower gone, what waits for the one that slept is work: changes of a child that nobody has healed.
  await third.kill();
  await sleep(unhealedMs);
  const wokeAtMs = Date.now();
  second.signal('SIGCONT');
  await eventually('the one that slept to end', slackMs, () => !second.running());

  process.stdout.write(
    `hand-over after SIGKILL ${secondAtMs - killedAtMs} ms, after SIGSTOP ${thirdAtMs - sleptAtMs} ms\n`,
  );
  const late = (await writes(thirdAtMs)).filter(({ by }) => by !== 'third');
  expect(late.map((write) => ({ ...write, afterWakingMs: write.atMs - wokeAtMs }))).toEqual([]);
  expect(await writers()).toEqual(['first', 'second', 'third']);
  expect(secondAtMs - killedAtMs).toBeLessThan(handOverMsMax);
  expect(thirdAtMs - sleptAtMs).toBeLessThan(handOverMsMax);
  expect(thirdAtMs - sleptAtMs).toBeGreaterThan(leaseMs / 2);
}, 180_000);

test('the chart’s rights are enough for it', async () => {
  const events: readonly AuditEvent[] = await world.apiServer.audit();
  const users = names.map(userOf);
  const refused = events.filter(
    ({ user, responseStatus }) =>
      users.includes(user.username) && [401, 403].includes(responseStatus?.code ?? 0),
  );
  expect(refused).toEqual([]);
});
