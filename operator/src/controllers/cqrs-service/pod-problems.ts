import { explain, type Reason } from '../../api/v1alpha1/conditions.ts';
import type { ContainerStatus, Pod } from './pod.ts';

export type PodProblem = { readonly reason: Reason; readonly message: string };

type Check = (pod: Pod) => PodProblem | undefined;

/** What keeps a pod from running, if anything does; the first that applies. */
export function podProblem(pod: Pod): PodProblem | undefined {
  if (pod.metadata.deletionTimestamp !== undefined) return undefined;
  for (const check of checks) {
    const problem = check(pod);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

const volumePending: Check = (pod) => {
  const message = unscheduledMessage(pod);
  if (message === undefined || !/PersistentVolumeClaim|volume/i.test(message)) return undefined;
  return found('VolumePending', `Pod ${pod.metadata.name} has no volume yet: ${message}.`);
};

const unschedulable: Check = (pod) => {
  const message = unscheduledMessage(pod);
  if (message === undefined) return undefined;
  return found('PodUnschedulable', `Pod ${pod.metadata.name} finds no node: ${message}.`);
};

const imageReasons = ['ErrImagePull', 'ImagePullBackOff', 'InvalidImageName', 'ErrImageNeverPull'];

const imagePullFailed: Check = (pod) => {
  const stuck = containers(pod).find(({ state }) =>
    imageReasons.includes(state?.waiting?.reason ?? ''),
  );
  if (stuck === undefined) return undefined;
  // The kubelet's message alternates between the pull's error and a back-off note, so only the reason's kind is told.
  const what = `Pod ${pod.metadata.name} cannot get the image of container ${stuck.name}.`;
  return found('ImagePullFailed', what);
};

const crashReasons = ['CrashLoopBackOff', 'CreateContainerConfigError', 'RunContainerError'];

const containerCrashing: Check = (pod) => {
  const stuck = containers(pod).find(
    ({ state }) =>
      crashReasons.includes(state?.waiting?.reason ?? '') ||
      (state?.terminated?.exitCode ?? 0) !== 0,
  );
  if (stuck === undefined) return undefined;
  const ended = stuck.lastState?.terminated ?? stuck.state?.terminated;
  const how =
    ended === undefined
      ? `does not start (${stuck.state?.waiting?.reason})`
      : `ended with exit code ${ended.exitCode}`;
  const what = `Container ${stuck.name} of pod ${pod.metadata.name} ${how}.`;
  return found('ContainerCrashing', what);
};

const checks: readonly Check[] = [volumePending, unschedulable, imagePullFailed, containerCrashing];

function containers(pod: Pod): readonly ContainerStatus[] {
  return [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
}

function unscheduledMessage(pod: Pod): string | undefined {
  const condition = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (condition?.status !== 'False' || condition.reason !== 'Unschedulable') return undefined;
  return (condition.message ?? 'no reason given').replace(/\.$/, '');
}

function found(reason: Reason, whatHappened: string): PodProblem {
  return { reason, message: explain(reason, whatHappened) };
}
