import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { request } from 'undici';
import { createClient } from '../../operator/src/kube/client.ts';
import { systemClock } from '../../operator/src/kube/clock.ts';
import type { KubeObject } from '../../operator/src/kube/object.ts';
import { contentTypes } from '../../operator/src/kube/request-info.ts';
import { builtin, resourcePath, type ResourceType } from '../../operator/src/kube/resource-type.ts';
import { createTransport } from '../../operator/src/kube/transport.ts';
import { startApiServer } from '../support/apiserver.ts';
import { atOnce } from './at-once.ts';
import { cpuClock } from './cpu-clock.ts';
import { childrenOf, namespacesOf, type Place } from './crowd.ts';

// More were measured to be no faster.
const requestsUnderWayMax = 64;

const types = new Map<string, ResourceType>(
  Object.values(builtin).map((type) => [type.kind, type]),
);

/**
 * The floor: the same objects, created with bare requests by a loop that knows them all beforehand; and, on an API server
 * of its own, made by server-side apply, which costs the API server more.
 */
export async function measureFloor(places: readonly Place[]): Promise<{
  readonly createSeconds: number;
  /** Of processor time, of the loop and the API server together. */
  readonly createCpuSeconds: number;
  readonly applySeconds: number;
  readonly listSeconds: number;
}> {
  const created = await makeAll(places, (child) => ({
    method: 'POST',
    path: collectionOf(child),
    type: contentTypes.json,
  }));
  const applied = await makeAll(places, (child) => ({
    method: 'PATCH',
    path: `${collectionOf(child)}/${child.metadata.name}?fieldManager=bench&force=true`,
    type: contentTypes.apply,
  }));
  return {
    createSeconds: created.makeSeconds,
    createCpuSeconds: created.cpuSeconds,
    applySeconds: applied.makeSeconds,
    listSeconds: created.listSeconds,
  };
}

type Way = {
  readonly method: 'GET' | 'POST' | 'PATCH';
  readonly path: string;
  readonly type: string;
};

async function makeAll(
  places: readonly Place[],
  wayOf: (child: KubeObject) => Way,
): Promise<Readonly<Record<'makeSeconds' | 'cpuSeconds' | 'listSeconds', number>>> {
  const apiServer = await startApiServer();
  const client = createClient({ kubeConfig: apiServer.kubeConfig });
  const transport = createTransport(apiServer.kubeConfig, systemClock);
  try {
    await atOnce(namespacesOf(places), requestsUnderWayMax, (namespace) =>
      client.create(builtin.namespace, namespace),
    );
    const { dispatcher, headers } = await transport.access();
    const send = async ({ method, path, type }: Way, body: string | null) => {
      const answer = await request(transport.server + path, {
        dispatcher,
        method,
        headers: { ...headers, 'content-type': type },
        body,
      });
      const text = await answer.body.text();
      if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${text}`);
    };
    const bodies = childrenOf(places).map(
      (child) => [wayOf(child), JSON.stringify(child)] as const,
    );
    const cpuSeconds = await cpuClock([process.pid, ...apiServer.pids()]);
    const makeSeconds = await seconds(async () =>
      atOnce(bodies, requestsUnderWayMax, async ([way, body]) => send(way, body)),
    );
    const makeCpuSeconds = await cpuSeconds();
    const collections = new Set(childrenOf(places).map((child) => resourcePath(typeOf(child))));
    const listSeconds = await seconds(async () => {
      for (const path of collections) {
        await send({ method: 'GET', path, type: contentTypes.json }, null);
      }
    });
    return { makeSeconds, cpuSeconds: makeCpuSeconds, listSeconds };
  } finally {
    await transport.close();
    await client.close();
    await apiServer.stop();
  }
}

/** The memory of a Node process that does nothing, in MB. */
export async function bareNodeMb(): Promise<number> {
  const script = 'process.stdout.write(String(process.memoryUsage.rss()))';
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  await once(child, 'close');
  return Number(said) / 1e6;
}

export async function seconds(work: () => Promise<unknown>): Promise<number> {
  const startedAtMs = performance.now();
  await work();
  return (performance.now() - startedAtMs) / 1000;
}

export function typeOf({ kind }: KubeObject): ResourceType {
  const type = types.get(kind);
  if (type === undefined) throw new TypeError(`Kind ${kind} is not known`);
  return type;
}

function collectionOf(object: KubeObject): string {
  const { namespace } = object.metadata;
  return resourcePath(typeOf(object), namespace === undefined ? {} : { namespace });
}
