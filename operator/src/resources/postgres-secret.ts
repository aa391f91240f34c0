import type { CommandService } from '../api/v1alpha1/service-kinds.ts';
import { secretMeta } from './owner.ts';
import { secretKeys, type PostgresPasswords } from './secret-keys.ts';
import { opaqueSecret, type Secret } from './secret.ts';

/** The passwords of the write database. */
export function postgresSecret(service: CommandService, passwords: PostgresPasswords): Secret {
  return opaqueSecret(secretMeta(service, 'postgres'), {
    [secretKeys.postgres]: passwords.postgres,
    [secretKeys.command]: passwords.command,
    [secretKeys.relay]: passwords.relay,
  });
}
