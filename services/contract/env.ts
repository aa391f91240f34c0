/** Every environment variable that the operator sets and a service reads. One table, so that drift is a red test. */
export const envNames = [
  'CQRS_CONFIG_FILE',
  'CQRS_HTTP_PORT',
  'CQRS_OPS_PORT',
  'CQRS_LOG_LEVEL',
  'CQRS_POSTGRES_HOST',
  'CQRS_POSTGRES_PORT',
  'CQRS_POSTGRES_DATABASE',
  'CQRS_POSTGRES_USER',
  'CQRS_POSTGRES_PASSWORD',
  'CQRS_KAFKA_BROKERS',
  'CQRS_REDIS_HOST',
  'CQRS_REDIS_PORT',
  'CQRS_REDIS_PASSWORD',
] as const;

export type EnvName = (typeof envNames)[number];

/** Ports inside every service pod: clients use `http`, the operator, probes and Prometheus use `ops`. */
export const ports = { http: 8080, ops: 9090 } as const;

/** Where the operator mounts the ConfigMap whose `config.json` is one of the shapes in `config.ts`. */
export const configFile = '/etc/cqrs/config.json';
