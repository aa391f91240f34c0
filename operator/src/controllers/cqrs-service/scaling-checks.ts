import type { Reason } from '../../api/v1alpha1/conditions.ts';
import { conditionOf, sentence, standing, verdict, type Check } from './stage-check.ts';
import type { StatusInput } from './status.ts';

export const apiUnavailable: Check = (input) => {
  const { metricsApi } = input.observed;
  if (metricsApi.state !== 'unavailable' && metricsApi.state !== 'unknown') return undefined;
  const before = conditionOf(input, 'ScalingActive');
  if (metricsApi.state === 'unknown' && before !== undefined) return standing(before);
  return verdict('False', 'MetricsUnavailable', sentence(metricsApi.message));
};

/** Where HPAs cannot ask for reads, the floor follows them. */
export const apiNotAsked: Check = ({ observed }) => {
  const { metricsApi } = observed;
  if (metricsApi.state !== 'foreign' && metricsApi.state !== 'absent') return undefined;
  const why = sentence(metricsApi.message);
  const reason = apiReasons[metricsApi.state];
  const found = autoscalerCondition(observed, 'ScalingActive');
  if (found?.status !== 'False') {
    const how =
      'The operator raises and lowers the floor of the HPA with the reads, and the HPA goes by the CPU.';
    return verdict('True', reason, `${how} ${why}`);
  }
  const what = `No pods are taken away again, because the HPA that is to go by the CPU says: ${sentence(found.message ?? '')}`;
  return verdict('False', reason, `${what} ${why}`);
};

const apiReasons = {
  foreign: 'MetricsApiTaken',
  absent: 'MetricsApiAbsent',
} as const satisfies Record<string, Reason>;

export const autoscalerSilent: Check = ({ observed }) =>
  (observed.autoscaler?.status?.conditions ?? []).length > 0
    ? undefined
    : verdict('Unknown', 'Progressing', 'The autoscaler has not looked at the reads yet.');

export const autoscalerBlind: Check = ({ observed }) => {
  const found = autoscalerCondition(observed, 'ScalingActive');
  if (found?.status !== 'False') return undefined;
  return verdict('False', 'MetricsUnavailable', `The HPA says: ${sentence(found.message ?? '')}`);
};

export const autoscalerAtMax: Check = ({ observed, service }) => {
  const found = autoscalerCondition(observed, 'ScalingLimited');
  if (found?.status !== 'True' || found.reason !== 'TooManyReplicas') return undefined;
  const max = service.spec.query?.autoscaling.maxReplicas;
  return verdict('True', 'ScaledToMax', `Reads ask for more than maxReplicas (${max}).`);
};

type AutoscalerCondition = {
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
};

function autoscalerCondition(
  observed: StatusInput['observed'],
  type: string,
): AutoscalerCondition | undefined {
  return observed.autoscaler?.status?.conditions?.find((condition) => condition.type === type);
}
