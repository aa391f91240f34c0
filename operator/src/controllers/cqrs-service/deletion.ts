import { explain, setCondition } from '../../api/v1alpha1/conditions.ts';
import { cqrsServiceType, type CqrsService } from '../../api/v1alpha1/schema.ts';
import { hasCommand } from '../../api/v1alpha1/service-kinds.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { ReconcileResult } from '../../kube/controller.ts';
import { KubeError } from '../../kube/errors.ts';
import { objectKey } from '../../kube/object.ts';
import { builtin } from '../../kube/resource-type.ts';
import { deadLetterViews } from '../../resources/config-maps.ts';
import { childName, kafkaName } from '../../resources/names.ts';
import { topicCleanupJob } from '../../resources/topic-cleanup-job.ts';
import { indexes } from './caches.ts';
import { nextDeletionStep, type DeletionInput, type DeletionStep } from './deletion-step.ts';
import { labelOf } from './labels.ts';
import { deleteChild } from './prune.ts';
import type { ReconcileParts } from './reconcile.ts';

/** Holds a CqrsService until its topics are gone. Nothing else needs it: the rest is the garbage collector's. */
const topicsFinalizer = 'cqrs.dev/topics';

/** Puts the finalizer on while there are topics to delete one day, and takes it off when there are none. */
export async function keepFinalizer(
  service: CqrsService,
  parts: ReconcileParts,
  signal: AbortSignal,
): Promise<void> {
  const isHeld = service.metadata.finalizers?.includes(topicsFinalizer) === true;
  const shouldHold = deletesTopics(service);
  if (isHeld !== shouldHold) await writeFinalizer(service, shouldHold, { parts, signal });
}

/** One pass over a CqrsService that is being deleted: the next step, or a wait with a bound. */
export async function releaseService(
  service: CqrsService,
  parts: ReconcileParts,
  signal: AbortSignal,
): Promise<ReconcileResult> {
  if (service.metadata.finalizers?.includes(topicsFinalizer) !== true) return {};
  const next = nextDeletionStep(await observeDeletion(service, parts, signal));
  parts.logger.info({ key: objectKey(service), step: next.step }, 'Deleting CqrsService');
  await writeDeleting(service, next, { parts, signal });
  switch (next.step) {
    case 'stop the writers':
      for (const child of next.writers) {
        await deleteChild(parts.client, { type: builtin.deployment, child, signal });
      }
      return { requeueAfterMs: pollMs };
    case 'start the cleanup':
      await startCleanup(service, { parts, signal });
      return { requeueAfterMs: pollMs };
    case 'wait':
      // The Job's and the pods' changes bring the key back sooner; this is for the bound alone.
      return { requeueAfterMs: next.atMostMs };
    case 'give up':
      recordGivenUp(service, next.why, parts);
      await writeFinalizer(service, false, { parts, signal });
      return {};
    case 'release':
      await writeFinalizer(service, false, { parts, signal });
      return {};
  }
}

// For a change that the cache tells with a delay.
const pollMs = 1000;

type Call = { readonly parts: ReconcileParts; readonly signal: AbortSignal };

function deletesTopics(service: CqrsService): boolean {
  return service.spec.deletionPolicy === 'Delete' && writersOf(service).length > 0;
}

/** The programs that write into topics of this service. */
function writersOf(service: CqrsService): readonly ('relay' | 'projector')[] {
  return [
    ...(hasCommand(service) ? (['relay'] as const) : []),
    ...(deadLetterViews(service).length > 0 ? (['projector'] as const) : []),
  ];
}

async function observeDeletion(
  service: CqrsService,
  { caches, client, clock }: ReconcileParts,
  signal: AbortSignal,
): Promise<DeletionInput> {
  const { namespace, deletionTimestamp = '' } = service.metadata;
  const key = (name: string): string => objectKey({ namespace, name });
  const pods = caches.pods.byIndex(indexes.instance, objectKey(service));
  const writers = writersOf(service);
  return {
    deletesTopics: deletesTopics(service),
    namespaceTerminates: await terminates(namespace, client, signal),
    brokerExists: caches.statefulSets.get(key(kafkaName)) !== undefined,
    writers: writers.flatMap(
      (writer) => caches.deployments.get(key(childName(service, writer))) ?? [],
    ),
    writerPods: pods.filter((pod) => writers.some((one) => one === labelOf(pod, 'component')))
      .length,
    job: caches.jobs.byIndex(indexes.owner, service.metadata.uid)[0],
    deletedAtMs: Date.parse(deletionTimestamp),
    nowMs: clock.wallNow(),
  };
}

async function terminates(
  namespace: string,
  client: KubeClient,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const { metadata } = await client.get(builtin.namespace, { name: namespace }, signal);
    return metadata.deletionTimestamp !== undefined;
  } catch (error) {
    // Without the right to look, the bound on the whole deletion still holds.
    if (error instanceof KubeError && error.isForbidden) return false;
    throw error;
  }
}

async function startCleanup(service: CqrsService, { parts, signal }: Call): Promise<void> {
  const job = topicCleanupJob(service, parts.settings);
  await parts.applier.apply(builtin.job, job, undefined, signal);
}

async function writeDeleting(
  service: CqrsService,
  next: DeletionStep,
  { parts, signal }: Call,
): Promise<void> {
  if (next.step === 'release' || next.step === 'give up') return;
  const { generation = 0 } = service.metadata;
  const nowMs = parts.clock.wallNow();
  const what = next.step === 'wait' ? `Waiting for ${next.forWhat}.` : 'Deleting the topics.';
  const message = explain('Deleting', what);
  const reason = 'Deleting';
  const before = service.status?.conditions ?? [];
  const ready = setCondition(
    before,
    { type: 'Ready', status: 'False', reason, message },
    generation,
    nowMs,
  );
  const conditions = setCondition(
    ready,
    { type: 'Reconciling', status: 'True', reason, message },
    generation,
    nowMs,
  );
  const status = { ...service.status, observedGeneration: generation, conditions };
  await parts.statusApplier.applyStatus(cqrsServiceType, { ...service, status }, service, signal);
}

function recordGivenUp(service: CqrsService, why: string, { events }: ReconcileParts): void {
  const { namespace, name } = service.metadata;
  events.record(service, {
    type: 'Warning',
    reason: 'TopicsNotDeleted',
    action: 'DeleteTopics',
    note: `Topics ${namespace}.${name}.* were left in Kafka, because ${why}. Delete them by hand if the broker is kept.`,
  });
}

async function writeFinalizer(
  service: CqrsService,
  shouldHold: boolean,
  { parts, signal }: Call,
): Promise<void> {
  const { name, namespace, resourceVersion, finalizers = [] } = service.metadata;
  const others = finalizers.filter((finalizer) => finalizer !== topicsFinalizer);
  const wanted = shouldHold ? [...others, topicsFinalizer] : others;
  // The resource version guards the finalizers of others, which a merge patch would overwrite.
  const patch = { metadata: { resourceVersion, finalizers: wanted } };
  try {
    await parts.client.mergePatch(cqrsServiceType, { name, namespace }, patch, { signal });
  } catch (error) {
    if (error instanceof KubeError && error.isNotFound) return;
    throw error;
  }
}
