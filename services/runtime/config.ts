import { readFileSync } from 'node:fs';
import { configFile, ports, type EnvName } from '@cqrs/contract/env.ts';
import { CqrsError } from '@cqrs/contract/errors.ts';

export type Env = { readonly [name: string]: string | undefined };

export function requiredEnv(env: Env, name: EnvName): string {
  const value = env[name];
  if (value === undefined || value === '') {
    throw new CqrsError(
      'CQRS_ENV_MISSING',
      `The environment variable ${name} is not set; the operator sets it from the CqrsService, so set it by hand when running alone.`,
    );
  }
  return value;
}

export function portFrom(env: Env, name: EnvName, fallback: number): number {
  const text = env[name];
  if (text === undefined || text === '') return fallback;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new CqrsError(
      'CQRS_CONFIG_INVALID',
      `${name} is "${text}"; give a port from 0 to 65535.`,
    );
  }
  return port;
}

export function listenPorts(env: Env): { readonly http: number; readonly ops: number } {
  return {
    http: portFrom(env, 'CQRS_HTTP_PORT', ports.http),
    ops: portFrom(env, 'CQRS_OPS_PORT', ports.ops),
  };
}

/** The operator is the only writer of this file and shares its types (contract/config.ts), so a program asserts its shape. */
export function readConfigFile(env: Env): unknown {
  const path = env['CQRS_CONFIG_FILE'] ?? configFile;
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new CqrsError(
      'CQRS_CONFIG_INVALID',
      `The configuration file ${path} cannot be read as JSON; the operator mounts it from a ConfigMap.`,
      cause,
    );
  }
}
