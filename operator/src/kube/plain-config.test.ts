import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { openKubeConfig } from './plain-config.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cqrs-kubeconfig-'));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

async function kubeconfig(user: object): Promise<string> {
  const path = join(folder, 'config');
  const cluster = {
    server: 'https://one.test:6443',
    'certificate-authority': 'ca.crt',
    'tls-server-name': 'kubernetes',
  };
  await writeFile(join(folder, 'ca.crt'), 'a CA');
  await writeFile(
    path,
    stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'plain',
      clusters: [{ name: 'one', cluster }],
      users: [{ name: 'me', user }],
      contexts: [
        { name: 'plain', context: { cluster: 'one', user: 'me' } },
        { name: 'shop', context: { cluster: 'one', user: 'me', namespace: 'shop' } },
      ],
    }),
  );
  return path;
}

test('a kubeconfig with a token is read, its files are taken from beside it', async () => {
  const kubeconfigPath = await kubeconfig({ token: 'secret' });
  const access = await openKubeConfig({ kubeconfigPath });
  expect(access.getCurrentCluster()?.server).toBe('https://one.test:6443');
  const options: RequestOptions = {};
  await access.applyToHTTPSOptions(options);
  expect(options).toEqual({
    ca: Buffer.from('a CA'),
    servername: 'kubernetes',
    headers: { Authorization: 'Bearer secret' },
  });
});

test('a context is chosen by name, and an unknown one is an error that lists those there are', async () => {
  const kubeconfigPath = await kubeconfig({ token: 'secret' });
  const access = await openKubeConfig({ kubeconfigPath, context: 'shop' });
  expect(access.getContextObject(access.getCurrentContext())?.namespace).toBe('shop');
  await expect(openKubeConfig({ kubeconfigPath, context: 'other' })).rejects.toThrow(
    /it has: plain, shop/,
  );
});

test('a user with an exec plugin is left to client-node', async () => {
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: 'true' };
  const access = await openKubeConfig({ kubeconfigPath: await kubeconfig({ exec }) });
  expect(access.getCurrentUser()?.exec).toMatchObject({ command: 'true' });
});

test('a file that is not there is a coded error', async () => {
  await expect(openKubeConfig({ kubeconfigPath: join(folder, 'none') })).rejects.toMatchObject({
    code: 'KUBE_CONFIG',
  });
});
