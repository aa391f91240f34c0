import type { Reason } from '../../api/v1alpha1/conditions.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { Clock } from '../../kube/clock.ts';
import { KubeError } from '../../kube/errors.ts';
import type { KubeLogger } from '../../kube/logger.ts';
import type { KubeObject } from '../../kube/object.ts';
import { builtin } from '../../kube/resource-type.ts';
import { dataVolumeName } from '../../resources/stateful-set.ts';
import type { Observed, Part } from './observe.ts';
import type { Pod } from './pod.ts';
import { sentence } from './stage-check.ts';

/**
 * The reasons of those Events that tell why something stands still, by the kind they speak of, and what each comes to
 * when nothing else is known; null adds to what is. That a claim finds no volume is a Normal Event, so their types tell
 * nothing.
 */
const tellingReasons: Readonly<
  Record<'StatefulSet' | 'PersistentVolumeClaim' | 'Pod', Readonly<Record<string, Reason | null>>>
> = {
  StatefulSet: { FailedCreate: 'PodsForbidden' },
  PersistentVolumeClaim: {
    FailedBinding: null,
    ProvisioningFailed: null,
    ClaimLost: null,
    ClaimMisbound: null,
  },
  Pod: {
    FailedToRetrieveImagePullSecret: null,
    FailedMount: 'ContainerNotCreated',
    FailedAttachVolume: 'ContainerNotCreated',
    FailedCreatePodSandBox: 'ContainerNotCreated',
    Unhealthy: null,
  },
};

type Subject = {
  readonly kind: keyof typeof tellingReasons;
  readonly namespace: string;
  readonly name: string;
};

/** What an Event says, in a sentence. */
export type Hint = { readonly reason: Reason | null; readonly says: string };

export type Stuck = { readonly part: Part; readonly subject: Subject };

export type Hints = {
  observe(stuck: readonly Stuck[], signal: AbortSignal): Promise<Observed['hints']>;
};

// Every start of a pod takes a while.
const patienceMs = 15_000;
// Events of one object are counted up and not multiplied, so this is many times what there can be.
const eventsMax = 100;
const saysLengthMax = 400;
// Services of one namespace wait for the same broker, and passes over one service may follow each other fast.
const keptMsMax = 5_000;

/**
 * The objects whose Events may say why a part has no ready pod: what a StatefulSet is refused stands nowhere else, and
 * neither does what a volume or the mounting of it waits for.
 */
export function stuckParts(of: Standing): readonly Stuck[] {
  return (Object.keys(of.workloads) as Part[]).flatMap((part) => {
    const subject = subjectOf(of, part);
    return subject === undefined ? [] : [{ part, subject }];
  });
}

/** What is known of a service's parts before anybody is asked about Events. */
type Standing = Pick<Observed, 'workloads' | 'podProblems'> & {
  readonly pods: Readonly<Partial<Record<Part, readonly Pod[]>>>;
  readonly namespace: string;
  /** Of each part's StatefulSet; a Deployment says itself what it is refused. */
  readonly statefulSets: Readonly<Partial<Record<Part, string>>>;
  readonly nowMs: number;
};

function subjectOf(of: Standing, part: Part): Subject | undefined {
  const { namespace } = of;
  const { ready = 1, hasNoPods = false } = of.workloads[part] ?? {};
  if (ready > 0) return undefined;
  const statefulSet = of.statefulSets[part];
  if (hasNoPods && statefulSet !== undefined) {
    return { kind: 'StatefulSet', namespace, name: statefulSet };
  }
  const [pod] = of.pods[part] ?? [];
  return pod && podSubject(pod, of.podProblems[part]?.reason, of);
}

function podSubject(
  pod: Pod,
  problem: Reason | undefined,
  { namespace, nowMs }: Standing,
): Subject | undefined {
  const { name } = pod.metadata;
  if (problem === 'VolumePending' || problem === 'VolumeLost') {
    return { kind: 'PersistentVolumeClaim', namespace, name: `${dataVolumeName}-${name}` };
  }
  const isUnexplained = problem === undefined && !isYoung(pod, nowMs);
  return isUnexplained || problem === 'ImagePullFailed'
    ? { kind: 'Pod', namespace, name }
    : undefined;
}

function isYoung({ metadata }: Pod, nowMs: number): boolean {
  return nowMs - Date.parse(metadata.creationTimestamp ?? '') < patienceMs;
}

/** An Event (events.k8s.io/v1) as far as it matters here; the old API's are shown this way too. */
export type EventObject = KubeObject & {
  readonly reason?: string;
  readonly note?: string;
  readonly eventTime?: string | null;
  readonly deprecatedLastTimestamp?: string | null;
  readonly series?: { readonly lastObservedTime?: string } | null;
};

/** What the newest of the Events that tell something says of their subject. */
export function hintFrom(events: readonly EventObject[], subject: Subject): Hint | undefined {
  const reasons = tellingReasons[subject.kind];
  const [newest] = events
    .filter(({ reason = '', note }) => Object.hasOwn(reasons, reason) && note !== undefined)
    .toSorted((one, other) => timeOf(other) - timeOf(one));
  if (newest?.note === undefined) return undefined;
  const note = newest.note.slice(0, saysLengthMax).toWellFormed().trim();
  return {
    reason: reasons[newest.reason ?? ''] ?? null,
    says: `Kubernetes says of ${subject.kind} ${subject.name}: ${sentence(note)}`,
  };
}

function timeOf({ series, deprecatedLastTimestamp, eventTime, metadata }: EventObject): number {
  const { creationTimestamp = '' } = metadata;
  return Date.parse(
    series?.lastObservedTime ?? deprecatedLastTimestamp ?? eventTime ?? creationTimestamp,
  );
}

/** Reads Events of what stands still, and of nothing else: no cache could hold all those of a cluster. */
export function createHints(of: {
  readonly client: Pick<KubeClient, 'list'>;
  readonly clock: Pick<Clock, 'schedule'>;
  readonly logger: KubeLogger;
}): Hints {
  const known = new Map<string, Promise<Hint | undefined>>();

  const hintOf = (subject: Subject, signal: AbortSignal): Promise<Hint | undefined> => {
    const key = `${subject.kind}/${subject.namespace}/${subject.name}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    const asked = ask(subject, signal);
    known.set(key, asked);
    of.clock.schedule(keptMsMax, () => void known.delete(key));
    return asked;
  };

  const ask = async (subject: Subject, signal: AbortSignal): Promise<Hint | undefined> => {
    const { kind, namespace, name } = subject;
    const fieldSelector = `regarding.kind=${kind},regarding.name=${name}`;
    try {
      const limits = { namespace, fieldSelector, limit: eventsMax, signal };
      const { items } = await of.client.list<EventObject>(builtin.event, limits);
      return hintFrom(items, subject);
    } catch (error) {
      // The status says what it can without it, as under rules that an older chart has made.
      if (!(error instanceof KubeError)) throw error;
      of.logger.warn({ err: error, kind, namespace, name }, 'Events cannot be read');
      return undefined;
    }
  };

  return {
    async observe(stuck, signal) {
      const found = await Promise.all(
        stuck.map(async ({ part, subject }) => [part, await hintOf(subject, signal)] as const),
      );
      return Object.fromEntries(found.filter(([, hint]) => hint !== undefined));
    },
  };
}
