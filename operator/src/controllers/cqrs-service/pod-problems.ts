import type { Reason } from '../../api/v1alpha1/conditions.ts';
import type { ContainerStatus, Pod, Terminated } from './pod.ts';
import { lastWords } from './pod-words.ts';

/** What keeps a pod from running: `what` happened, in sentences; the reason's remedy says what to do. */
export type PodProblem = { readonly reason: Reason; readonly what: string };

/** Whether the pod's program says itself how it is. */
type Voice = 'answers' | 'silent';

type Check = (pod: Pod, voice: Voice) => PodProblem | undefined;

/** What keeps a pod from running, if anything does; the first that applies. */
export function podProblem(pod: Pod, voice: Voice): PodProblem | undefined {
  if (pod.metadata.deletionTimestamp !== undefined) return undefined;
  for (const check of checks) {
    const problem = check(pod, voice);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** A check for pods that the scheduler finds no node for, and says this of why. */
const unscheduled =
  (reason: Reason, words: RegExp, what: string): Check =>
  (pod) => {
    const message = unscheduledMessage(pod);
    if (message === undefined || !words.test(message)) return undefined;
    return { reason, what: `Pod ${pod.metadata.name} ${what}: ${message}.` };
  };

const imageReasons = ['ErrImagePull', 'ImagePullBackOff', 'InvalidImageName', 'ErrImageNeverPull'];

const imagePullFailed: Check = (pod) => {
  const stuck = waitingFor(pod, imageReasons);
  if (stuck === undefined) return undefined;
  const image = stuck.image ? ` ${stuck.image}` : '';
  // The kubelet's message alternates between the pull's error and a note that it backs off, so only its kind is told.
  const said = `${stuck.state?.waiting?.reason} ${stuck.state?.waiting?.message ?? ''}`;
  const why = pullFailures.find(({ words }) => words.test(said))?.why ?? '';
  const what = `Pod ${pod.metadata.name} cannot get the image${image} of container ${stuck.name}${why}.`;
  return { reason: 'ImagePullFailed', what };
};

const pullFailures: readonly { readonly words: RegExp; readonly why: string }[] = [
  { words: /InvalidImageName/, why: ', which is no valid reference of an image' },
  { words: /ErrImageNeverPull/, why: ', which is not on the node and is never to be pulled' },
  {
    words: /unauthorized|denied|forbidden|authentication|\b40[13]\b/i,
    why: ': its registry refuses access, or has no such image',
  },
  { words: /not found|manifest unknown|\b404\b/i, why: ': its registry has no such image' },
  {
    words: /dial tcp|no such host|timeout|connection refused|unreachable|x509/i,
    why: ': its registry cannot be reached',
  },
];

const notCreatedReasons = [
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
];

const notCreated: Check = (pod) => {
  const stuck = waitingFor(pod, notCreatedReasons);
  if (stuck === undefined) return undefined;
  const { reason = '', message = 'no reason given' } = stuck.state?.waiting ?? {};
  const what = `Container ${stuck.name} of pod ${pod.metadata.name} is not started (${reason}): ${message}.`;
  return { reason: 'ContainerNotCreated', what };
};

const outOfMemory: Check = (pod, voice) => {
  const found = crashOf(pod, voice);
  if (found?.ended.reason !== 'OOMKilled') return undefined;
  const { who, ended } = found;
  const what = `${who} took more memory than its limit and was ended with exit code ${ended.exitCode}.`;
  return { reason: 'OutOfMemory', what };
};

const crashed: Check = (pod, voice) => {
  const found = crashOf(pod, voice);
  if (found === undefined) return undefined;
  const { who, ended } = found;
  const words = lastWords(ended.message ?? '');
  const said = words === undefined ? '' : ` It said: ${words}.`;
  const isFull = /no space left on device|\bENOSPC\b/i.test(words ?? '');
  return {
    reason: isFull ? 'VolumeFull' : 'ContainerCrashing',
    what: `${who} ended with exit code ${ended.exitCode}.${said}`,
  };
};

/** A container that ended badly, in words, and how. */
function crashOf(pod: Pod, voice: Voice): { who: string; ended: Terminated } | undefined {
  const stuck = containers(pod).find((container) => hasCrashed(container, voice));
  const ended = stuck?.lastState?.terminated ?? stuck?.state?.terminated;
  if (stuck === undefined || ended === undefined) return undefined;
  return { who: `Container ${stuck.name} of pod ${pod.metadata.name}`, ended };
}

// Between two crashes a container runs for a moment. It is not well before it is ready, or has something else to say.
function hasCrashed({ ready = false, state, lastState }: ContainerStatus, voice: Voice): boolean {
  const isBackingOff = state?.waiting?.reason === 'CrashLoopBackOff';
  const isTried = state?.running !== undefined && !ready && voice === 'silent';
  const isAgain = isTried && hasFailed(lastState?.terminated);
  return isBackingOff || isAgain || hasFailed(state?.terminated);
}

function hasFailed(ended: { readonly exitCode?: number } | undefined): boolean {
  return (ended?.exitCode ?? 0) !== 0;
}

const checks: readonly Check[] = [
  unscheduled('VolumeLost', /non-existent persistentvolume/i, 'has lost its volume'),
  unscheduled('VolumeElsewhere', /volume node affinity/i, 'cannot run where its volume is'),
  unscheduled('VolumePending', /PersistentVolumeClaim|volume/i, 'has no volume yet'),
  unscheduled('PodUnschedulable', /./, 'finds no node'),
  imagePullFailed,
  notCreated,
  outOfMemory,
  crashed,
];

function waitingFor(pod: Pod, reasons: readonly string[]): ContainerStatus | undefined {
  return containers(pod).find(({ state }) => reasons.includes(state?.waiting?.reason ?? ''));
}

function containers(pod: Pod): readonly ContainerStatus[] {
  return [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
}

function unscheduledMessage(pod: Pod): string | undefined {
  const condition = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (condition?.status !== 'False' || condition.reason !== 'Unschedulable') return undefined;
  return (condition.message ?? 'no reason given').replace(/\.$/, '');
}
