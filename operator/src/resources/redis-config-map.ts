import type { QueryService } from '../api/v1alpha1/service-kinds.ts';
import { quantityBytes } from './compute-resources.ts';
import type { ConfigMap } from './config-map.ts';
import { ownedMeta } from './owner.ts';
import { redisResources } from './redis-resources.ts';

/** The configuration file of the read database. */
export function redisConfigMap(service: QueryService): ConfigMap {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: ownedMeta(service, 'redis'),
    data: { 'redis.conf': `${[...fixedLines, ...maxMemoryLines(service)].join('\n')}\n` },
  };
}

const fixedLines = [
  'bind * -::*',
  // The password is always set; protected mode would only look at the address.
  'protected-mode no',
  'port 6379',
  'dir /data',
  'appendonly yes',
  // At most the last second is lost in a crash; documents and positions are lost together and applied again.
  'appendfsync everysec',
  'save ""',
  // A read model that forgets documents would lie; a full one refuses writes, and the projector waits.
  'maxmemory-policy noeviction',
  'daemonize no',
] as const;

/** Three quarters of the container's limit: the rest is for buffers and for rewriting the log. */
function maxMemoryLines(service: QueryService): string[] {
  const limit = redisResources(service).limits?.memory;
  const bytes = limit === undefined ? undefined : quantityBytes(limit);
  return bytes === undefined ? [] : [`maxmemory ${Math.floor(bytes * 0.75)}`];
}
