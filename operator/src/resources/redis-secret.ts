import type { QueryService } from '../api/v1alpha1/service-kinds.ts';
import { secretMeta } from './owner.ts';
import { secretKeys, type RedisPasswords } from './secret-keys.ts';
import { opaqueSecret, type Secret } from './secret.ts';

/** The password of the read database. */
export function redisSecret(service: QueryService, passwords: RedisPasswords): Secret {
  return opaqueSecret(secretMeta(service, 'redis'), { [secretKeys.redis]: passwords.redis });
}
