import { cqrsServiceType } from '../../operator/src/api/v1alpha1/schema.ts';
import type { KubeClient } from '../../operator/src/kube/client.ts';
import { createInformer } from '../../operator/src/kube/informer.ts';
import { objectKey, type KubeObject } from '../../operator/src/kube/object.ts';
import { builtin } from '../../operator/src/kube/resource-type.ts';
import type { Place } from './crowd.ts';

type Deployment = KubeObject & { readonly spec: { readonly replicas: number } };

const editsMax = 200;
const replicasAfter = 3;
const touched = 'bench/touched';

const driftedReplicas = 9;

/**
 * Milliseconds from sending an edit of a CqrsService until a watch shows the changed child, one edit at a time, each
 * of another service; and beside it the bare way: from sending a patch of the child itself until the watch shows it. Then drift: from sending a change of
 * what the operator owns of the child until the watch shows that it is set back.
 */
export async function measureEdits(
  admin: KubeClient,
  places: readonly Place[],
): Promise<Readonly<Record<'editMs' | 'bareMs' | 'driftMs', readonly number[]>>> {
  const children = createInformer<Deployment>({
    client: admin,
    type: builtin.deployment,
    labelSelector: 'app.kubernetes.io/component=command',
  });
  children.start();
  await children.synced;
  const step = Math.max(1, Math.floor(places.length / editsMax));
  const chosen = places.filter((_, number) => number % step === 0).slice(0, editsMax);
  const editMs: number[] = [];
  const bareMs: number[] = [];
  const driftMs: number[] = [];
  try {
    for (const place of chosen) {
      const child = { namespace: place.namespace, name: `${place.name}-command` };
      const shows = (condition: (live: Deployment) => boolean): Promise<void> =>
        new Promise((resolve) => {
          const unsubscribe = children.onChange(({ object }) => {
            if (objectKey(object) !== objectKey(child) || !condition(object)) return;
            unsubscribe();
            resolve();
          });
        });
      const edited = shows(({ spec }) => spec.replicas === replicasAfter);
      const spec = { command: { replicas: replicasAfter } };
      editMs.push(await milliseconds(edited, admin.mergePatch(cqrsServiceType, place, { spec })));
      const patched = shows(({ metadata }) => metadata.annotations?.[touched] === 'yes');
      const metadata = { annotations: { [touched]: 'yes' } };
      bareMs.push(
        await milliseconds(patched, admin.mergePatch(builtin.deployment, child, { metadata })),
      );
      let isDrifted = false;
      const healed = shows(({ spec: { replicas } }) => {
        isDrifted ||= replicas === driftedReplicas;
        return isDrifted && replicas === replicasAfter;
      });
      const drifted = { spec: { replicas: driftedReplicas } };
      driftMs.push(
        await milliseconds(healed, admin.mergePatch(builtin.deployment, child, drifted)),
      );
    }
  } finally {
    await children.stop();
  }
  return { editMs, bareMs, driftMs };
}

async function milliseconds(seen: Promise<void>, sent: Promise<unknown>): Promise<number> {
  const startedAtMs = performance.now();
  await Promise.all([seen, sent]);
  return performance.now() - startedAtMs;
}
