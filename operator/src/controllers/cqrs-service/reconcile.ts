import { cqrsServiceType } from '../../api/v1alpha1/schema.ts';
import type { Applier } from '../../kube/apply.ts';
import type { Clock } from '../../kube/clock.ts';
import type { ReconcileResult } from '../../kube/controller.ts';
import type { EventRecorder } from '../../kube/events.ts';
import type { KubeLogger } from '../../kube/logger.ts';
import { applyDesired } from './apply-desired.ts';
import { keepFinalizer, releaseService } from './deletion.ts';
import { desiredObjects, nothingDesired, type Settings } from './desired.ts';
import { observe, type Observers } from './observe.ts';
import { pruneUndesired } from './prune.ts';
import { createSchemaCheck } from './schema-check.ts';
import { statusOf } from './status.ts';
import { createStatusMemory } from './status-memory.ts';
import { eventsBetween } from './transitions.ts';

export type ReconcileParts = Omit<Observers, 'schemaProblems'> & {
  readonly settings: Settings;
  /** Writes the children. */
  readonly applier: Applier;
  /** Writes the status, under a field manager of its own. */
  readonly statusApplier: Applier;
  readonly events: EventRecorder;
  readonly logger: KubeLogger;
  readonly clock: Clock;
  /** How long after a pass the next one comes without a cause. */
  readonly resyncMs: () => number;
};

// Nothing tells us when a quota or a policy was relaxed.
const refusedRetryMs = 30_000;

/** Makes the function that brings one CqrsService, named by its key, closer to what its spec asks for. */
export function createReconcile(
  parts: ReconcileParts,
): (key: string, signal: AbortSignal) => Promise<ReconcileResult> {
  const schemas = createSchemaCheck();
  const statuses = createStatusMemory();
  const observers: Observers = { ...parts, schemaProblems: (service) => schemas.problems(service) };

  return async (key, signal) => {
    const cached = parts.caches.services.get(key);
    if (cached === undefined) {
      schemas.forget(key);
      statuses.forget(key);
      return {};
    }
    const service = statuses.newest(cached);
    if (service.metadata.deletionTimestamp !== undefined) {
      return releaseService(service, parts, signal);
    }

    const observed = await observe(service, observers, signal);
    const usable = observed.schemaProblems.length === 0;
    const desired = usable ? desiredObjects(service, observed, parts.settings) : nothingDesired;

    // With a schema that cannot be used, what the last good one made goes on as it is.
    if (usable) await keepFinalizer(service, parts, signal);
    const refusals = await applyDesired(service, desired, parts, signal);
    if (usable) await pruneUndesired(service, desired, parts, signal);

    const status = statusOf({ service, observed, refusals, nowMs: parts.clock.wallNow() });
    const written = await parts.statusApplier.applyStatus(
      cqrsServiceType,
      { ...service, status },
      service,
      signal,
    );
    statuses.remember(written.object);
    for (const event of eventsBetween(service.status, status)) parts.events.record(service, event);

    return { requeueAfterMs: refusals.length > 0 ? refusedRetryMs : parts.resyncMs() };
  };
}
