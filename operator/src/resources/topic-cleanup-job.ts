import type { CqrsService } from '../api/v1alpha1/schema.ts';
import type { KubeObject } from '../kube/object.ts';
import { checksum } from './checksum.ts';
import { configFileName, topicCleanupConfig } from './config-maps.ts';
import type { ResourceContext } from './context.ts';
import { labels } from './labels.ts';
import { ownedMeta } from './owner.ts';
import { podTemplate, tmpVolume, type PodTemplate, type Volume } from './pod-template.ts';
import { configVolumeName, programContainer, programUserId } from './program-deployment.ts';
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

const configAnnotation = 'cqrs.dev/config';

const configVolume: Volume = {
  name: configVolumeName,
  downwardAPI: {
    items: [
      {
        path: configFileName,
        fieldRef: { fieldPath: `metadata.annotations['${configAnnotation}']` },
      },
    ],
  },
};

/**
 * Deletes a service's topics from the shared broker when deletionPolicy is Delete. It carries its configuration itself,
 * as an annotation that is mounted as a file, so that nothing else has to be there when everything goes.
 */
export function topicCleanupJob(
  service: CqrsService,
  context: Pick<ResourceContext, 'images' | 'logLevel'>,
): Job {
  const config = JSON.stringify(topicCleanupConfig(service));
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: ownedMeta(service, component),
    spec: {
      backoffLimit: 6,
      activeDeadlineSeconds: deadlineSeconds,
      template: podTemplate({
        labels: labels(service, component),
        annotations: { [configAnnotation]: config },
        configChecksum: checksum({ config }),
        userId: programUserId,
        images: context.images,
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
        volumes: [configVolume, tmpVolume],
      }),
    },
  };
}
