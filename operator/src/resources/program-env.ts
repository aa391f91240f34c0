import type { EnvName } from '@cqrs/contract/env.ts';
import { postgresNames } from '@cqrs/contract/postgres-names.ts';
import type { CqrsService } from '../api/v1alpha1/schema.ts';
import { childName, consistencyName, host, kafkaBroker, storePorts } from './names.ts';
import type { EnvVar } from './pod-template.ts';
import { secretKeys } from './secret-keys.ts';

/** A variable that a service program reads; the contract's table is the only source of names. */
export type ProgramEnvVar = EnvVar & { readonly name: EnvName };

const roles = { command: postgresNames.commandRole, relay: postgresNames.relayRole } as const;

/** How a program reaches the write database, with the role that its work needs. */
export function postgresEnv(service: CqrsService, program: 'command' | 'relay'): ProgramEnvVar[] {
  const name = childName(service, 'postgres');
  return [
    { name: 'CQRS_POSTGRES_HOST', value: host(name, service.metadata.namespace) },
    { name: 'CQRS_POSTGRES_PORT', value: `${storePorts.postgres}` },
    { name: 'CQRS_POSTGRES_DATABASE', value: postgresNames.database },
    { name: 'CQRS_POSTGRES_USER', value: roles[program] },
    {
      name: 'CQRS_POSTGRES_PASSWORD',
      valueFrom: { secretKeyRef: { name, key: secretKeys[program] } },
    },
  ];
}

/** How a program reaches the event stream. */
export function kafkaEnv(service: CqrsService): ProgramEnvVar[] {
  return [{ name: 'CQRS_KAFKA_BROKERS', value: kafkaBroker(service.metadata.namespace) }];
}

/** How a program reaches the read database. */
export function redisEnv(service: CqrsService): ProgramEnvVar[] {
  const name = childName(service, 'redis');
  return [
    { name: 'CQRS_REDIS_HOST', value: host(name, service.metadata.namespace) },
    { name: 'CQRS_REDIS_PORT', value: `${storePorts.redis}` },
    {
      name: 'CQRS_REDIS_PASSWORD',
      valueFrom: { secretKeyRef: { name, key: secretKeys.redis } },
    },
  ];
}

/** The key that signs and reads consistency tokens, and the one that is read beside it while they are replaced. */
export const tokenEnv: readonly ProgramEnvVar[] = [
  {
    name: 'CQRS_TOKEN_KEY',
    valueFrom: { secretKeyRef: { name: consistencyName, key: secretKeys.token } },
  },
  {
    name: 'CQRS_TOKEN_KEY_PREVIOUS',
    valueFrom: {
      secretKeyRef: { name: consistencyName, key: secretKeys.previousToken, optional: true },
    },
  },
];
