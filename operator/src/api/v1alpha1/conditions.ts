import type { KubeObject } from '../../kube/object.ts';

/**
 * Condition types in the order they are shown. `Ready`, `Reconciling` and `Stalled` are read by tools that know
 * kstatus (kubernetes-sigs/cli-utils, pkg/kstatus); the others say which stage of the path stands still.
 */
export const conditionTypes = [
  'Ready',
  'Reconciling',
  'Stalled',
  'StoresReady',
  'CommandReady',
  'RelayStreaming',
  'ProjectionCaughtUp',
  'QueryReady',
  'ScalingActive',
] as const;

export type ConditionType = (typeof conditionTypes)[number];

const republish =
  '`kubectl exec --namespace <namespace> deploy/<service>-relay -- node services/relay/src/republish.ts`';
const retryHalted =
  '`kubectl exec --namespace <namespace> deploy/<service>-projector -- node services/projector/src/retry-halted.ts`';

/**
 * Every reason a condition can carry, with what the user does about it. People script against these names. `named` fills in
 * `<namespace>` and `<service>`.
 */
export const remedies = {
  Available: 'Nothing to do.',
  UpToDate: 'Nothing to do.',
  StoresRunning: 'Nothing to do.',
  CommandRunning: 'Nothing to do.',
  Streaming: 'Nothing to do.',
  CaughtUp: 'Nothing to do.',
  QueryRunning: 'Nothing to do.',
  Scaling: 'Nothing to do.',
  NotRequested: 'Nothing to do: the spec does not ask for this part.',

  Progressing: 'Wait; this message changes when a step is done.',
  Starting: 'Wait until the pods are ready.',
  CatchingUp: 'Wait; if the lag keeps growing, look at the logs of the projector.',
  ScaledToMax: 'Raise spec.query.autoscaling.maxReplicas if reads should have more pods.',

  Suspended: 'Set spec.suspend to false to start the pods again.',
  Paused: 'Remove the annotation cqrs.dev/pause-reconciliation to let the operator go on.',
  Deleting: 'Wait until the topics are gone; remove the finalizer only if Kafka is lost for good.',

  SchemaInvalid: 'Correct the schema in spec.aggregates.',
  SourceServiceMissing:
    'Create that CqrsService in this namespace, or correct the service in spec.query.views.',
  SourceAggregateMissing:
    'Add that aggregate to the source service, or correct the aggregate in spec.query.views.',
  UnknownField:
    'Correct the field in spec.query.views, or add it to the properties of the aggregate’s schema.',
  NameTaken:
    'Delete or rename the object that is in the way, or give this CqrsService another name.',
  ApplyRefused: 'Correct what the API server names, or grant the operator what it lacks.',
  SecretIncomplete: 'Put the missing key back into the Secret, with the value that it had.',
  TokenKeyInvalid:
    'Put 32 random bytes in base64 there (`openssl rand -base64 32`); command and query pods that run go on with the key that they have read, new ones cannot start.',
  BehaviorMissing:
    'Create the ConfigMap or its key, or correct it in spec.aggregates; command pods that run go on with what they have.',

  PodsForbidden: 'Raise the quota or relax the policy that the message names.',
  PodUnschedulable:
    'Add a node with free resources and without such taints, or lower the resources in the spec.',
  VolumePending:
    'Name a default StorageClass that can provide the volume, or make a PersistentVolume that fits the claim.',
  VolumeElsewhere:
    'Bring the node or the zone of the volume back, or make room there: the volume does not move with the pod.',
  VolumeLost:
    'Restore a PersistentVolume of that name from a backup; or delete the claim and the pod, to begin with an empty one.',
  VolumeFull:
    'Free space on the volume, or make its PersistentVolumeClaim larger if its StorageClass allows that.',
  ImagePullFailed:
    'Correct the image in spec.command.image or in the operator’s values, let the nodes reach its registry, and give this namespace the Secrets that imagePullSecrets of these values names.',
  ContainerNotCreated:
    'Create or correct what the message names; the container then starts by itself.',
  OutOfMemory: 'Raise limits.memory in the resources of this part in the spec.',
  ContainerCrashing:
    'Mend what it says; the logs of the pod have more: `kubectl logs --namespace <namespace> --previous` with its name.',
  RolloutStuck:
    'Look at the pods: `kubectl describe pod --namespace <namespace> --selector app.kubernetes.io/instance=<service>`.',
  PodsNotReady:
    'Look at the pods: `kubectl describe pod --namespace <namespace> --selector app.kubernetes.io/instance=<service>`.',

  PostgresNotReady: 'Look at the Postgres pod; commands wait until it is back.',
  KafkaNotReady: 'Look at the cqrs-kafka pod; events wait in Postgres until it is back.',
  RedisNotReady: 'Look at the Redis pod; reads are refused until it is back.',

  CommandFailing: 'Look at the logs of the command pods.',
  QueryFailing: 'Look at the logs of the query pods.',
  RelayUnreachable: 'Look at the relay pod; events wait in Postgres until it is back.',
  RelayNotStreaming: 'Look at the logs of the relay; events wait in Postgres until it streams.',
  RelayMisconfigured:
    'Look at the logs of the relay, and put back what was changed by hand in its ConfigMap or Deployment.',
  MigrationPending:
    'Wait until command pods of this release have started; CommandReady says what keeps them from it.',
  SlotBusy:
    'Wait: this relay takes over when the other ends. If there is no other of ours, end the session that uses the slot.',
  SlotLost: `Events may be lost to the stream, not to Postgres. Publish them again: ${republish}.`,
  SlotAhead: `Restore the database and slot that belong together, or publish everything again: ${republish}.`,
  PublicationLost: `Create the publication again if it is gone, then publish everything again: ${republish}.`,
  TimelineChanged: `Kafka may hold events that this Postgres never had. Publish everything again: ${republish}.`,
  PgoutputMalformed:
    'The relay does not understand what Postgres sends: use a version of Postgres and of the operator that fit.',
  PublishFailed: 'Look at Kafka and its volume; events wait in Postgres until it takes them.',
  TopicMismatch:
    'The topic was changed by hand: give it the partitions of the spec, or delete it and publish everything again: ' +
    `${republish}.`,
  TopicLost: `Kafka lost events that it had acknowledged. Publish them again: ${republish}.`,
  EventMalformed:
    'Correct the row of cqrs.event that the message names; everything behind it waits.',
  AggregateUndeclared:
    'Add the aggregate to spec.aggregates, or delete the rows of it in cqrs.event; everything behind them waits.',
  ProjectorMisconfigured:
    'Look at the logs of the projector, and put back what was changed by hand in its ConfigMap or Deployment.',
  TopicMissing:
    'Start the service that owns the topic, or correct the source in spec.query.views; the view goes on by itself once the topic is there.',
  EventSourceFailing: 'Look at the cqrs-kafka pod; views stand still until it is back.',
  ReadStoreFailing: 'Look at the Redis pod and its memory; views stand still until it takes them.',
  DeadLetterFailing:
    'Look at Kafka and its volume; the partition goes on by itself once Kafka takes them.',
  ProjectorUnreachable: 'Look at the projector pod; views stand still until it is back.',
  ProjectionFailing: 'Look at the logs of the projector; views stand still until it works again.',
  VersionGap: `Restore the topic and try again: ${retryHalted}. Or delete the topic and publish everything again from the service that owns it: ${republish}.`,
  EventsExpired:
    'Restore the topic; or rename the view, so that it is built from what the topic holds, and raise spec.events.retention of the service that owns it.',
  PositionAhead:
    'Restore the topic; or rename the view, so that it is built from what the topic holds.',
  ProjectionHalted: 'Look at the event that the message names; the other partitions go on.',
  KeysHalted: `Other keys go on. Mend the cause, then apply the event again: ${retryHalted}. To go on without such events, set poison: dead-letter on the view.`,
  MetricsUnavailable: 'Check that APIService v1beta2.custom.metrics.k8s.io is available.',
  MetricsApiAbsent:
    'For an HPA that goes by the reads, run the operator in the cluster, as its chart does, or give it --metrics-api-port.',
  MetricsApiTaken:
    'For an HPA that goes by the reads, remove the other metrics adapter and upgrade the chart of the operator.',
} as const satisfies Record<string, string>;

export type Reason = keyof typeof remedies;

export type ConditionStatus = 'True' | 'False' | 'Unknown';

/** A condition as metav1.Condition has it; `lastTransitionTime` is RFC 3339 in whole seconds. */
export type Condition = {
  readonly type: ConditionType;
  readonly status: ConditionStatus;
  readonly reason: Reason;
  readonly message: string;
  readonly observedGeneration: number;
  readonly lastTransitionTime: string;
};

export type ConditionUpdate = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/** What happened, in a sentence of the caller's, followed by what the user does about it. */
export function explain(reason: Reason, whatHappened: string): string {
  return `${whatHappened} ${remedies[reason]}`;
}

/** A message with the names of the CqrsService that it speaks of in place of `<namespace>` and `<service>`. */
export function named(message: string, service: KubeObject): string {
  const { namespace = '', name } = service.metadata;
  return message.replaceAll('<namespace>', namespace).replaceAll('<service>', name);
}

/**
 * The conditions with one added or replaced. `lastTransitionTime` moves to `nowMs` only when the status flips,
 * so that a pass that learns nothing new writes nothing.
 */
export function setCondition(
  conditions: readonly Condition[],
  update: ConditionUpdate,
  observedGeneration: number,
  nowMs: number,
): Condition[] {
  const before = findCondition(conditions, update.type);
  const lastTransitionTime =
    before?.status === update.status ? before.lastTransitionTime : wholeSeconds(nowMs);
  const { type, status, reason, message } = update;
  const condition = { type, status, reason, message, observedGeneration, lastTransitionTime };
  const rank = (of: Condition): number => conditionTypes.indexOf(of.type);
  return [...removeCondition(conditions, type), condition].toSorted((a, b) => rank(a) - rank(b));
}

/** The conditions without one, for a stage that no longer exists. */
export function removeCondition(
  conditions: readonly Condition[],
  type: ConditionType,
): Condition[] {
  return conditions.filter((condition) => condition.type !== type);
}

/** The condition of a type, if it was ever set. */
export function findCondition(
  conditions: readonly Condition[],
  type: ConditionType,
): Condition | undefined {
  return conditions.find((condition) => condition.type === type);
}

function wholeSeconds(nowMs: number): string {
  return new Date(nowMs).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
