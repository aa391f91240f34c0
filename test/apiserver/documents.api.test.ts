/** What the documents show is accepted by a real API server with the CRD that the chart installs. */
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { createKubectl, type Kubectl } from '../quickstart/kubectl.ts';
import { startApiServer, type ApiServer } from '../support/apiserver.ts';
import { eventually } from '../support/eventually.ts';

const publishedMsMax = 30_000;

const root = new URL('../../', import.meta.url);
const text = (path: string): string => readFileSync(new URL(path, root), 'utf8');

let apiServer: ApiServer;
let kubectl: Kubectl;

beforeAll(async () => {
  apiServer = await startApiServer();

  kubectl = createKubectl(apiServer.kubectlPath, ['--kubeconfig', apiServer.kubeconfigPath]);
  await kubectl.run(['apply', '-f', '-'], text('charts/cqrs-operator/files/crd-cqrsservices.yaml'));
  await kubectl.run([
    'wait',
    '--for=condition=Established',
    'crd/cqrsservices.cqrs.dev',
    '--timeout=30s',
  ]);
}, 300_000);

afterAll(async () => {
  await apiServer.stop();
});

const accept = async (manifest: string): Promise<string> =>
  kubectl.run(['apply', '--server-side', '--validate=strict', '-f', '-'], manifest);

test('the resource that README shows is accepted as it stands', async () => {
  const blocks = [...text('README.md').matchAll(/```yaml\n([\s\S]*?)```/gu)].map(
    (match) => match[1] ?? '',
  );
  expect(blocks.map((block) => (parse(block) as { kind: string }).kind)).toEqual(['CqrsService']);
  for (const block of blocks) expect(await accept(block)).toContain('serverside-applied');
});

test.each(readdirSync(new URL('charts/cqrs-service/examples', root)))(
  'the example %s is accepted as it stands',
  async (file) => {
    expect(await accept(text(`charts/cqrs-service/examples/${file}`))).toContain(
      'serverside-applied',
    );
  },
);

test('kubectl explain tells what a field is for', async () => {
  // The API server publishes what it knows of a kind some time after it serves it.
  const explained = await eventually('the field to be explained', publishedMsMax, () =>
    kubectl.run(['explain', 'cqrs.spec.query.autoscaling.readsPerSecond']).catch(() => undefined),
  );
  expect(explained).toMatch(/one pod should answer/u);
});
