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
  'CQRS_TOKEN_KEY',
  'CQRS_TOKEN_KEY_PREVIOUS',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_HEADERS',
  'OTEL_TRACES_SAMPLER',
  'OTEL_TRACES_SAMPLER_ARG',
  'OTEL_RESOURCE_ATTRIBUTES',
] as const;

export type EnvName = (typeof envNames)[number];

/**
 * Keeps a relay within its pod's memory whatever the size of a transaction: Node's own measure of young garbage and
 * glibc's of arenas are made for larger pods (designs/0001 has the figures).
 */
export const relayMemoryEnv = {
  NODE_OPTIONS: '--max-semi-space-size=4 --max-old-space-size=96',
  MALLOC_ARENA_MAX: '2',
} as const;

/** Ports inside every service pod: clients use `http`, the operator, probes and Prometheus use `ops`. */
export const ports = { http: 8080, ops: 9090 } as const;

/** Where the operator mounts the ConfigMap whose `config.json` is one of the shapes in `config.ts`. */
export const configFile = '/etc/cqrs/config.json';
