import type { RelayConfig } from '@cqrs/contract/config.ts';
import { CqrsError } from '@cqrs/contract/errors.ts';
import { portFrom, readConfigFile, requiredEnv, type Env } from '@cqrs/runtime/config.ts';
import type { KafkaAddress } from '@cqrs/runtime/kafka/port.ts';
import type { PostgresAddress } from './postgres-connection.ts';

/** Replication commands take names without parameters, so a name must be harmless as it is. */
const plainName = /^[a-z0-9_]{1,63}$/;

/** The configuration file. Throws CQRS_CONFIG_INVALID. */
export function relayConfig(env: Env): RelayConfig {
  const config = readConfigFile(env) as RelayConfig;
  for (const name of [config.slot, config.publication]) {
    if (!plainName.test(name)) {
      throw new CqrsError(
        'CQRS_CONFIG_INVALID',
        `"${name}" cannot name a slot or a publication: use up to 63 characters of a-z, 0-9 and _.`,
      );
    }
  }
  return config;
}

export function postgresAddress(env: Env): PostgresAddress {
  return {
    host: requiredEnv(env, 'CQRS_POSTGRES_HOST'),
    port: portFrom(env, 'CQRS_POSTGRES_PORT', 5432),
    database: requiredEnv(env, 'CQRS_POSTGRES_DATABASE'),
    user: requiredEnv(env, 'CQRS_POSTGRES_USER'),
    password: requiredEnv(env, 'CQRS_POSTGRES_PASSWORD'),
  };
}

export function kafkaAddress(env: Env, { service }: RelayConfig): KafkaAddress {
  return {
    brokers: requiredEnv(env, 'CQRS_KAFKA_BROKERS').split(','),
    clientId: `${service.namespace}.${service.name}.relay`,
  };
}
