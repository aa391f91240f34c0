import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { customResourceDefinition } from '../../operator/src/api/v1alpha1/crd.ts';
import { cqrsServiceType } from '../../operator/src/api/v1alpha1/schema.ts';
import { createClient } from '../../operator/src/kube/client.ts';
import { builtin } from '../../operator/src/kube/resource-type.ts';
import { startApiServer } from '../support/apiserver.ts';
import { startOperator } from '../support/operator-process.ts';
import { atOnce } from './at-once.ts';
import { namespacesOf, placesOf, writtenService } from './crowd.ts';
const places = placesOf(Number(process.argv[2]));
const api = await startApiServer();
const admin = createClient({ kubeConfig: api.kubeConfig });
await admin.create(builtin.customResourceDefinition, customResourceDefinition());
await atOnce(namespacesOf(places), 32, (n) => admin.create(builtin.namespace, n));
process.env['NODE_OPTIONS'] = process.argv[3] ?? '';
const op = await startOperator(api.kubeconfigPath);
process.env['NODE_OPTIONS'] = '';
const cpu = () => {
  const f = readFileSync(`/proc/${op.pid}/stat`, 'utf8').split(' ');
  return (Number(f[13]) + Number(f[14])) / 100;
};
const rss = () =>
  /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${op.pid}/status`, 'utf8'))![1]! +
  ' kB peak ' +
  /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${op.pid}/status`, 'utf8'))![1]!;
console.log('start rss', rss(), 'cpu', cpu());
const t0 = performance.now();
await atOnce(places, 32, (p) => admin.create(cqrsServiceType, writtenService(p)));
const want = places.length * 2;
let last = 0;
for (;;) {
  const { items, metadata } = await admin.list(builtin.podDisruptionBudget, { limit: 1 });
  last = items.length + (metadata.remainingItemCount ?? 0);
  if (last >= want) break;
  await delay(100);
}
console.log('pdbs after', (performance.now() - t0) / 1000, 's cpu', cpu());
const m = await (await fetch(`${op.ops}/metrics`)).text();
console.log(
  m
    .split('\n')
    .filter(
      (l) =>
        /lag_p99_seconds |heap_size_(used|total)_bytes |external_memory_bytes /.test(l) &&
        !l.startsWith('#'),
    )
    .join('\n'),
);
let p = -1;
for (;;) {
  const n = await op.passes();
  if (n === p) break;
  p = n;
  await delay(3000);
}
const m2 = await (await fetch(`${op.ops}/metrics`)).text();
const sums: Record<string, number> = {};
for (const [, v, n] of m2.matchAll(/^cqrs_operator_kube_requests_total\{verb="(\w+)".*\} (\d+)$/gm))
  sums[v!] = (sums[v!] ?? 0) + Number(n);
console.log(
  'rested after',
  (performance.now() - t0) / 1000,
  'passes',
  p,
  'cpu',
  cpu(),
  JSON.stringify(sums),
);
console.log(
  m2
    .split('\n')
    .filter(
      (l) =>
        /heap_size_(used|total)_bytes |external_memory_bytes |space_size_used/.test(l) &&
        !l.startsWith('#'),
    )
    .join('\n'),
);
console.log('end rss', rss());
await op.stop();
await admin.close();
await api.stop();
