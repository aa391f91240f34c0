import {
  cqrsServiceType,
  type CqrsService,
  type CqrsServiceStatus,
} from '../../api/v1alpha1/schema.ts';
import type { Applier } from '../../kube/apply.ts';
import type { Clock } from '../../kube/clock.ts';
import type { ReconcileResult } from '../../kube/controller.ts';
import type { EventRecorder } from '../../kube/events.ts';
import type { KubeLogger } from '../../kube/logger.ts';
import type { KubeObject } from '../../kube/object.ts';
import { Turns } from '../../kube/turns.ts';
import { applyDesired, type Applied } from './apply-desired.ts';
import { createBehaviors } from './behaviors.ts';
import { keepFinalizer, releaseService } from './deletion.ts';
import { desiredObjects, nothingDesired, type Settings } from './desired.ts';
import { observe, withWritten, type Observed, type Observers } from './observe.ts';
import { handOverReplicas } from './hand-over-replicas.ts';
import { isPaused } from './pause.ts';
import { createHints } from './pod-hints.ts';
import { pruneUndesired } from './prune.ts';
import { raiseTargets } from './raise-targets.ts';
import { createSchemaCheck } from './schema-check.ts';
import { isUnsettled, statusOf } from './status.ts';
import { createStatusMemory } from './status-memory.ts';
import { createTokenKeys } from './token-keys.ts';
import { eventsBetween } from './transitions.ts';

export type ReconcileParts = Omit<Observers, 'behaviors' | 'hints' | 'schemaProblems'> & {
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

// Nothing tells us when a quota or a policy was relaxed, nor of an Event about something that stands still.
const unsettledRetryMs = 30_000;

// More children written at once were measured to be no faster, and each takes a connection with its buffers.
const childrenAtOnceMax = 32;
// A write that hangs, as in a webhook, is not to hold up those of other services.
const turnMsMax = 1000;

/** Makes the function that brings one CqrsService, named by its key, closer to what its spec asks for. */
export function createReconcile(
  parts: ReconcileParts,
): (key: string, signal: AbortSignal) => Promise<ReconcileResult> {
  const schemas = createSchemaCheck();
  const statuses = createStatusMemory();
  const turns = new Turns({ underWayMax: childrenAtOnceMax, turnMsMax, clock: parts.clock });
  const tokenKeyOf = createTokenKeys(parts.settings.newTokenKey, parts.clock);
  const observers: Observers = {
    ...parts,
    behaviors: createBehaviors(parts.caches, parts.client),
    hints: createHints(parts),
    schemaProblems: (service) => schemas.problems(service),
  };

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

    const retryMs = Math.min(unsettledRetryMs, parts.resyncMs());
    const observed = await observe(service, observers, signal);
    // With a schema that cannot be used, what the last good one made goes on as it is; so does what is paused.
    const acts = observed.schemaProblems.length === 0 && !isPaused(service);
    const newTokenKey = (): string => tokenKeyOf(service.metadata.namespace);
    const settings = { ...parts.settings, newTokenKey };
    const desired = acts ? desiredObjects(service, observed, settings) : nothingDesired;

    if (acts) {
      await keepFinalizer(service, parts, signal);
      await handOverReplicas(service, parts, signal);
    }
    const applied = await applyDesired(service, desired, { ...parts, turns }, signal);
    if (acts) {
      await pruneUndesired(service, desired, parts, signal);
      await raiseTargets(service, { ...parts, written: applied.written }, signal);
    }
    if (isOnlyBegun(service, observed, applied)) return { requeueAfterMs: retryMs };

    const { refusals, written } = applied;
    const nowMs = parts.clock.wallNow();
    const status = statusOf({ service, observed: withWritten(observed, written), refusals, nowMs });
    statuses.remember(await writeStatus(service, status, parts, signal));
    for (const event of eventsBetween(service.status, status)) parts.events.record(service, event);

    const isWaiting = refusals.length > 0 || isUnsettled(status);
    return { requeueAfterMs: isWaiting ? retryMs : parts.resyncMs() };
  };
}

// What the pass that begins a service has made brings the next one, which sees it: a status of this one would be outdated
// by then, and writing one costs the API server more than a child does.
function isOnlyBegun(
  service: CqrsService,
  { workloads }: Observed,
  { hasMade, refusals }: Applied,
): boolean {
  const isNew = (service.status?.observedGeneration ?? -1) < 0;
  const isBare = Object.keys(workloads).every((part) => part === 'kafka');
  return isNew && isBare && hasMade && refusals.length === 0;
}

async function writeStatus(
  service: CqrsService,
  status: CqrsServiceStatus,
  { statusApplier }: ReconcileParts,
  signal: AbortSignal,
): Promise<KubeObject> {
  const desired = { ...service, status };
  const written = await statusApplier.applyStatus(cqrsServiceType, desired, service, signal);
  return written.object;
}
