/**
 * The program that gives claims of the class `local-path` their volumes. Arguments: kubeconfig,
 * folder, node name.
 */
import { mkdir, rm } from 'node:fs/promises';
import { connectApi } from './api-client.ts';
import type { ApiClient } from './api-client.ts';
import { decideVolumes } from './volumes.ts';
import type { Claim, Volume } from './volumes.ts';

const claimsPath = '/api/v1/persistentvolumeclaims';
const volumesPath = '/api/v1/persistentvolumes';
const resyncPeriodMs = 30_000;
const [kubeconfigPath = '', folder = '', nodeName = ''] = process.argv.slice(2);

const api = await connectApi(kubeconfigPath);
const passes = { running: false, asked: false };
setInterval(() => void askForPass(), resyncPeriodMs);
await Promise.all([
  api.follow(claimsPath, () => void askForPass()),
  api.follow(volumesPath, () => void askForPass()),
]);

/** One pass at a time; what changes meanwhile leads to one more. */
async function askForPass(): Promise<void> {
  passes.asked = true;
  if (passes.running) {
    return;
  }
  passes.running = true;
  while (passes.asked) {
    passes.asked = false;
    await reconcile().catch((error: unknown) =>
      log(`pass failed, next one later: ${String(error)}`),
    );
  }
  passes.running = false;
}

async function reconcile(): Promise<void> {
  const claims = await list<Claim>(api, claimsPath);
  const volumes = await list<Volume>(api, volumesPath);
  const actions = decideVolumes(claims, volumes, { folder, nodeName });
  for (const { path, volume } of actions.create) {
    // As on a disk from a cloud, the folder belongs to root: a pod that is not root writes through
    // its fsGroup.
    await mkdir(path, { recursive: true, mode: 0o755 });
    await expectStatus('POST', volumesPath, { accepted: [201, 409], body: volume });
    log(`made ${path}`);
  }
  for (const { path, name } of actions.remove) {
    await rm(path, { recursive: true, force: true });
    await expectStatus('DELETE', `${volumesPath}/${name}`, { accepted: [200, 404] });
    log(`removed ${path}`);
  }
}

async function list<Item>(client: ApiClient, path: string): Promise<Item[]> {
  const { status, body } = await client.call('GET', path);
  if (status !== 200) {
    throw new Error(`GET ${path} answered ${status}: ${body}`);
  }
  const { items }: { items: Item[] } = JSON.parse(body);
  return items;
}

async function expectStatus(
  method: string,
  path: string,
  expected: { accepted: number[]; body?: object },
): Promise<void> {
  const { status, body } = await api.call(method, path, expected.body);
  if (!expected.accepted.includes(status)) {
    throw new Error(`${method} ${path} answered ${status}: ${body}`);
  }
}

function log(line: string): void {
  process.stdout.write(`${new Date().toISOString()} ${line}\n`);
}
