import type { CommandService } from '../api/v1alpha1/service-kinds.ts';
import { ownerReferenceTo } from '../kube/mapping.ts';
import type { KubeObject } from '../kube/object.ts';
import { checksum } from './checksum.ts';
import { relayConfigMap } from './config-maps.ts';
import type { ResourceContext } from './context.ts';
import { labels } from './labels.ts';
import { podTemplate, type PodTemplate } from './pod-template.ts';
import { programContainer, programUserId, programVolumes } from './program-deployment.ts';
import { kafkaEnv } from './program-env.ts';

export type Job = KubeObject & {
  readonly spec: {
    readonly backoffLimit: number;
    readonly activeDeadlineSeconds: number;
    readonly template: PodTemplate;
  };
};

const component = 'topic-cleanup';
const deadlineSeconds = 300;

/**
 * Deletes a service's topics from the shared broker when deletionPolicy is Delete. It reads their names from
 * the relay's ConfigMap, which must stay until the Job is done.
 */
export function topicCleanupJob(service: CommandService, context: ResourceContext): Job {
  const { name, namespace } = service.metadata;
  const config = relayConfigMap(service);
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: `${name}-${component}`,
      namespace,
      labels: labels(service, component),
      ownerReferences: [ownerReferenceTo(service)],
    },
    spec: {
      backoffLimit: 6,
      activeDeadlineSeconds: deadlineSeconds,
      template: podTemplate({
        labels: labels(service, component),
        configChecksum: checksum(config.data),
        userId: programUserId,
        pullPolicy: context.images.pullPolicy,
        restartPolicy: 'Never',
        container: programContainer(
          {
            name: component,
            file: 'services/relay/src/delete-topics.ts',
            env: kafkaEnv(service),
            resources: { requests: { cpu: '25m', memory: '96Mi' }, limits: { memory: '384Mi' } },
          },
          context,
        ),
        volumes: programVolumes(config),
      }),
    },
  };
}
