import { startApiServer } from './support/apiserver.ts';
import { startOperator } from './support/operator-process.ts';
import { createClient } from '../operator/src/kube/client.ts';
import { builtin, apiVersionOf } from '../operator/src/kube/resource-type.ts';
import { customResourceDefinition } from '../operator/src/api/v1alpha1/crd.ts';
import { ordersSpec } from '../operator/src/api/v1alpha1/example-services.ts';
import { cqrsServiceType } from '../operator/src/api/v1alpha1/schema.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { readFileSync } from 'node:fs';
const api = await startApiServer();
const admin = createClient({ kubeConfig: api.kubeConfig });
await admin.create(builtin.customResourceDefinition, customResourceDefinition());
const n = 200;
for (let i = 0; i < 20; i++)
  await admin.create(builtin.namespace, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: `n${i}` },
  });
let op = await startOperator(api.kubeconfigPath, [
  '--pod-status=direct',
  '--metrics-api-port=0',
  '--namespace=n0',
  '--leader-elect',
]);
const t0 = performance.now();
for (let i = 0; i < n; i++)
  await admin.apply(
    cqrsServiceType,
    {
      apiVersion: apiVersionOf(cqrsServiceType),
      kind: 'CqrsService',
      metadata: { name: `orders-${i}`, namespace: `n${i % 20}` },
      spec: ordersSpec,
    } as never,
    { fieldManager: 'u' },
  );
console.log('applied', (performance.now() - t0).toFixed(0));
let count = 0;
while (count < n) {
  await sleep(500);
  const l = await admin.list<any>(builtin.horizontalPodAutoscaler);
  const s = await admin.list<any>(cqrsServiceType);
  count = s.items.filter((x: any) => x.status?.observedGeneration).length;
  console.log(
    (performance.now() - t0).toFixed(0),
    l.items.length,
    count,
    await op.passes(),
    JSON.stringify(await op.writes()),
  );
}
const cpu = () => {
  const f = readFileSync(`/proc/${op.pid}/stat`, 'utf8').split(' ');
  return (Number(f[13]) + Number(f[14])) / 100;
};
await sleep(5000);
const c = cpu();
const p = await op.passes();
const w = JSON.stringify(await op.writes());
await sleep(10000);
console.log(
  'idle cpu s/10s',
  (cpu() - c).toFixed(2),
  'passes',
  (await op.passes()) - p,
  w,
  JSON.stringify(await op.writes()),
);
console.log(
  readFileSync(`/proc/${op.pid}/status`, 'utf8')
    .split('\n')
    .filter((l) => l.startsWith('VmRSS'))
    .join(),
);
console.log(await (await fetch(op.ops + '/readyz')).text(), op.output().slice(-1500));
await op.stop();
await admin.close();
await api.stop();
