import type { CommandService } from '../api/v1alpha1/service-kinds.ts';
import { autoscalerOf, cpuMetric, type HorizontalPodAutoscaler } from './hpa.ts';

const scaleDownSeconds = 300;

/** Scales the command pods on their own CPU, when the spec asks for it: never on reads. */
export function commandHpa(service: CommandService): readonly HorizontalPodAutoscaler[] {
  const { replicas, autoscaling } = service.spec.command;
  if (autoscaling === undefined) return [];
  const { maxReplicas, cpuPercent } = autoscaling;
  return [
    autoscalerOf(service, {
      component: 'command',
      minReplicas: replicas,
      maxReplicas,
      metric: cpuMetric(cpuPercent),
      scaleDownSeconds,
    }),
  ];
}
