import type { QueryService } from '../api/v1alpha1/service-kinds.ts';
import { checksum } from './checksum.ts';
import type { ResourceContext } from './context.ts';
import { labels, selector } from './labels.ts';
import { childName, storePorts } from './names.ts';
import { ownedMeta } from './owner.ts';
import { podTemplate, type ContainerInput, type EnvVar } from './pod-template.ts';
import { redisConfigMap } from './redis-config-map.ts';
import { redisResources } from './redis-resources.ts';
import { secretKeys } from './secret-keys.ts';
import { dataVolumeName, lockedCommand, statefulSet, type StatefulSet } from './stateful-set.ts';

/** The user `redis` of the official image. */
const userId = 999;
const dataFolder = '/data';

/** The embedded read database: one Redis that keeps an append-only file on one volume. */
export function redisStatefulSet(
  service: QueryService,
  context: Pick<ResourceContext, 'images'>,
): StatefulSet {
  const config = redisConfigMap(service);
  return statefulSet({
    metadata: ownedMeta(service, 'redis'),
    selector: selector(service, 'redis'),
    storage: service.spec.query.redis.storage,
    whenDeleted: service.spec.deletionPolicy,
    template: podTemplate({
      labels: labels(service, 'redis'),
      configChecksum: checksum(config.data),
      userId,
      images: context.images,
      container: server(service, context.images.redis),
      volumes: [{ name: 'config', configMap: { name: config.metadata.name } }],
    }),
  });
}

function server(service: QueryService, image: string): ContainerInput {
  const password = (name: string): EnvVar => ({
    name,
    valueFrom: { secretKeyRef: { name: childName(service, 'redis'), key: secretKeys.redis } },
  });
  return {
    name: 'redis',
    image,
    command: lockedCommand(dataFolder, [
      'redis-server',
      '/etc/redis/redis.conf',
      '--requirepass',
      '$(REDIS_PASSWORD)',
    ]),
    // redis-cli, which the probes use, reads its password from REDISCLI_AUTH.
    env: [password('REDIS_PASSWORD'), password('REDISCLI_AUTH')],
    ports: [{ name: 'redis', containerPort: storePorts.redis }],
    volumeMounts: [
      { name: dataVolumeName, mountPath: dataFolder },
      { name: 'config', mountPath: '/etc/redis', readOnly: true },
    ],
    resources: redisResources(service),
    // PING answers LOADING, with exit code 0, until the whole log is read; only PONG means ready.
    readinessProbe: {
      exec: { command: ['sh', '-ec', 'redis-cli -h 127.0.0.1 ping | grep -qx PONG'] },
      periodSeconds: 5,
      timeoutSeconds: 5,
      failureThreshold: 2,
    },
    livenessProbe: {
      tcpSocket: { port: 'redis' },
      initialDelaySeconds: 10,
      periodSeconds: 10,
      timeoutSeconds: 5,
      failureThreshold: 6,
    },
  };
}
