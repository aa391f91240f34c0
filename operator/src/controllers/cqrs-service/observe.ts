import type { SchemaProblem } from '../../api/v1alpha1/check-schema.ts';
import type { CqrsService } from '../../api/v1alpha1/schema.ts';
import { hasCommand, hasQuery } from '../../api/v1alpha1/service-kinds.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { Clock } from '../../kube/clock.ts';
import { KubeError } from '../../kube/errors.ts';
import { objectKey, type KubeObject } from '../../kube/object.ts';
import { builtin } from '../../kube/resource-type.ts';
import { observeKafka, type KafkaObserved } from '../../resources/kafka-stateful-set.ts';
import {
  childName,
  components,
  consistencyName,
  kafkaName,
  type Component,
} from '../../resources/names.ts';
import { secretKeys } from '../../resources/secret-keys.ts';
import type { ReadsCollector } from '../../scaling/collector.ts';
import type { ReadDemand } from '../../scaling/demand.ts';
import type { ApiServiceState } from '../../scaling/api-service.ts';
import type { Floor } from '../../scaling/floor.ts';
import type { Autoscaler } from './autoscaler.ts';
import type { Behaviors, BehaviorsObserved } from './behaviors.ts';
import { indexes, type Caches, type Secret } from './caches.ts';
import { claimOf } from './claim.ts';
import { labelOf } from './labels.ts';
import { isReady, type Pod } from './pod.ts';
import { stuckParts, type Hint, type Hints } from './pod-hints.ts';
import { podProblem, type PodProblem } from './pod-problems.ts';
import type { StageReading } from './stage-reading.ts';
import { workloadOf, type Workload } from './workload.ts';

/** Everything that has pods: the components of a CqrsService and the broker that it shares. */
export type Part = Component | 'kafka';

type SecretState<Key extends string> =
  | { readonly state: 'absent' }
  /** Somebody else's with all the keys: read by the pods as it is, and never written. */
  | { readonly state: 'brought'; readonly live: Secret }
  /** Somebody else's without them: it is only in the way. */
  | { readonly state: 'taken'; readonly live: Secret }
  | { readonly state: 'incomplete'; readonly live: Secret; readonly missing: readonly string[] }
  | {
      readonly state: 'complete';
      readonly live: Secret;
      readonly passwords: Readonly<Record<Key, string>>;
    };

/** All that one pass reads; what follows is decided from this and the CqrsService alone. */
export type Observed = {
  /** Every CqrsService of the namespace by name, this one and those being deleted included. */
  readonly siblings: ReadonlyMap<string, CqrsService>;
  readonly schemaProblems: readonly SchemaProblem[];
  readonly kafka: KafkaObserved | undefined;
  readonly secrets: {
    readonly postgres: SecretState<'postgres' | 'command' | 'relay'>;
    readonly redis: SecretState<'redis'>;
    /** Of the whole namespace. */
    readonly consistency: SecretState<'token'>;
  };
  readonly behaviors: BehaviorsObserved;
  readonly workloads: Readonly<Partial<Record<Part, Workload>>>;
  readonly podProblems: Readonly<Partial<Record<Part, PodProblem | undefined>>>;
  /** What Kubernetes' Events say of parts that have stood still for a while. */
  readonly hints: Readonly<Partial<Record<Part, Hint>>>;
  /** What the pods of each part last said of themselves. */
  readonly readings: Readonly<Partial<Record<Part, readonly StageReading[]>>>;
  readonly autoscaler: Autoscaler | undefined;
  readonly demand: ReadDemand;
  readonly floor: Pick<Floor, 'replicas' | 'readsPerSecond'>;
  readonly metricsApi: ApiServiceState;
};

export type Observers = {
  readonly caches: Caches;
  readonly behaviors: Behaviors;
  readonly hints: Hints;
  readonly schemaProblems: (service: CqrsService) => readonly SchemaProblem[];
  readonly client: KubeClient;
  readonly clock: Pick<Clock, 'wallNow'>;
  readonly reading: (podUid: string) => StageReading | undefined;
  readonly reads: Pick<ReadsCollector, 'demand' | 'floor'>;
  readonly metricsApi: () => ApiServiceState;
};

/** Reads all that a pass needs; only a Secret or a behavior that the caches do not hold costs a request. */
export async function observe(
  service: CqrsService,
  observers: Observers,
  signal: AbortSignal,
): Promise<Observed> {
  const { caches, reads, metricsApi } = observers;
  const { namespace } = service.metadata;
  const autoscaler = caches.autoscalers.get(
    objectKey({ namespace, name: childName(service, 'query') }),
  );
  const kafka = caches.statefulSets.get(objectKey({ namespace, name: kafkaName }));
  const secret = async (component: Component): Promise<Secret | undefined> =>
    readSecret(observers, { namespace, name: childName(service, component) }, signal);
  const shared = { namespace, name: consistencyName };
  const siblings = caches.services.byIndex(indexes.namespace, namespace);
  const workloads = observeWorkloads(service, caches);
  const { pods, ...told } = observePods(service, observers);
  const { podProblems } = told;
  const statefulSets = statefulSetNames(service);
  const nowMs = observers.clock.wallNow();
  const stuck = stuckParts({ workloads, podProblems, pods, namespace, statefulSets, nowMs });
  return {
    siblings: new Map(siblings.map((sibling) => [sibling.metadata.name, sibling])),
    schemaProblems: observers.schemaProblems(service),
    kafka: kafka && observeKafka(kafka),
    secrets: {
      postgres: hasCommand(service)
        ? secretState(service, await secret('postgres'), ['postgres', 'command', 'relay'])
        : { state: 'absent' },
      redis: hasQuery(service)
        ? secretState(service, await secret('redis'), ['redis'])
        : { state: 'absent' },
      consistency: secretState(service, await readSecret(observers, shared, signal), ['token']),
    },
    behaviors: await observers.behaviors.observe(service, signal),
    workloads,
    ...told,
    hints: await observers.hints.observe(stuck, signal),
    autoscaler,
    demand: reads.demand(objectKey(service)),
    // Before the service is known to who counts its reads, what its HPA was last given stays.
    floor: reads.floor(objectKey(service)) ?? {
      replicas: autoscaler?.spec?.minReplicas ?? 0,
      readsPerSecond: 0,
    },
    metricsApi: metricsApi(),
  };
}

/**
 * What was observed, with the workloads as this pass has made them. Otherwise a status would say of a new generation that
 * it is rolled out, before anybody has looked at it.
 */
export function withWritten(observed: Observed, written: readonly KubeObject[]): Observed {
  const made = written.flatMap((object) => {
    const part =
      object.kind === 'Deployment' || object.kind === 'StatefulSet' ? partOf(object) : undefined;
    return part === undefined ? [] : [[part, workloadOf(object)] as const];
  });
  return { ...observed, workloads: { ...observed.workloads, ...Object.fromEntries(made) } };
}

// A password must never be made twice, and the cache may not show yet what the last pass made: so absence in the
// cache is not believed. A Secret that somebody brought, without our labels, is found this way too.
async function readSecret(
  { caches, client }: Observers,
  ref: { readonly namespace: string; readonly name: string },
  signal: AbortSignal,
): Promise<Secret | undefined> {
  const cached = caches.secrets.get(objectKey(ref));
  if (cached !== undefined) return cached;
  try {
    return await client.get<Secret>(builtin.secret, ref, signal);
  } catch (error) {
    if (error instanceof KubeError && error.isNotFound) return undefined;
    throw error;
  }
}

/** What a password Secret is to this CqrsService: who made it decides first, then whether it has the keys. */
export function secretState<Key extends keyof typeof secretKeys>(
  service: CqrsService,
  secret: Secret | undefined,
  names: readonly Key[],
): SecretState<Key> {
  if (secret === undefined) return { state: 'absent' };
  const values = names.map((name) => [name, secret.data?.[secretKeys[name]] ?? ''] as const);
  const missing = values.filter(([, value]) => value === '').map(([name]) => secretKeys[name]);
  if (claimOf(service, secret) === 'foreign') {
    return missing.length > 0
      ? { state: 'taken', live: secret }
      : { state: 'brought', live: secret };
  }
  if (missing.length > 0) return { state: 'incomplete', live: secret, missing };
  const passwords = values.map(
    ([name, value]) => [name, Buffer.from(value, 'base64').toString('utf8')] as const,
  );
  return {
    state: 'complete',
    live: secret,
    passwords: Object.fromEntries(passwords) as Record<Key, string>,
  };
}

function observeWorkloads(service: CqrsService, caches: Caches): Observed['workloads'] {
  const { namespace } = service.metadata;
  const statefulSets: Readonly<Partial<Record<Part, string>>> = statefulSetNames(service);
  const deployments = components.map((part) => [part, childName(service, part)] as const);
  const names = { ...Object.fromEntries(deployments), ...statefulSets };
  const found = Object.entries(names).flatMap(([part, name]) => {
    const key = objectKey({ namespace, name });
    const object = Object.hasOwn(statefulSets, part)
      ? caches.statefulSets.get(key)
      : caches.deployments.get(key);
    return object === undefined ? [] : [[part, workloadOf(object)] as const];
  });
  return Object.fromEntries(found);
}

/** The parts that are StatefulSets, with the names of these. */
function statefulSetNames(service: CqrsService): Readonly<Partial<Record<Part, string>>> {
  return {
    postgres: childName(service, 'postgres'),
    redis: childName(service, 'redis'),
    kafka: kafkaName,
  };
}

type PodsByPart = Partial<Record<Part, Pod[]>>;

function observePods(
  service: CqrsService,
  { caches, reading }: Observers,
): Pick<Observed, 'podProblems' | 'readings'> & { readonly pods: Readonly<PodsByPart> } {
  const { namespace, name } = service.metadata;
  const byPart: PodsByPart = {};
  const podProblems: Partial<Record<Part, PodProblem | undefined>> = {};
  const readings: Partial<Record<Part, StageReading[]>> = {};
  for (const instance of [name, kafkaName]) {
    const pods = caches.pods.byIndex(indexes.instance, objectKey({ namespace, name: instance }));
    for (const pod of pods.toSorted(byName)) {
      const part = partOf(pod);
      if (part === undefined || pod.metadata.deletionTimestamp !== undefined) continue;
      const said = heard(reading(pod.metadata.uid ?? ''), pod);
      if (said !== undefined) (readings[part] ??= []).push(said);
      podProblems[part] ??= podProblem(pod, said?.outcome === 'answered' ? 'answers' : 'silent');
      (byPart[part] ??= []).push(pod);
    }
  }
  return { podProblems, readings, pods: byPart };
}

// A pod that starts beside others, as when their number grows, cannot be reached yet, and that is no trouble.
function heard(reading: StageReading | undefined, pod: Pod): StageReading | undefined {
  return reading?.outcome === 'answered' || isReady(pod) ? reading : undefined;
}

// In a fixed order, so that of several problems always the same one is told.
function byName(one: Pod, other: Pod): number {
  return one.metadata.name < other.metadata.name ? -1 : 1;
}

function partOf(object: KubeObject): Part | undefined {
  const label = labelOf(object, 'component');
  return label === 'kafka' ? label : components.find((component) => component === label);
}
