import type { ServiceStatus } from '@cqrs/contract/ops-status.ts';
import { PodStatusError } from './errors.ts';

type FieldKind = 'string' | 'text or null' | 'boolean' | 'count' | 'list';

// A pod is what its labels say, and may be of somebody's own making, so what we count on is checked.
const fieldsOf: Readonly<Record<ServiceStatus['program'], Readonly<Record<string, FieldKind>>>> = {
  command: { error: 'text or null' },
  relay: {
    streaming: 'boolean',
    error: 'text or null',
    errorCode: 'text or null',
    lagBytes: 'count',
    eventsPublished: 'count',
  },
  projector: { error: 'text or null', errorCode: 'text or null', views: 'list' },
  query: {
    bootId: 'string',
    readsServed: 'count',
    readsRefused: 'count',
    readsQueued: 'count',
    error: 'text or null',
  },
};

const holds: Readonly<Record<FieldKind, (value: unknown) => boolean>> = {
  string: (value) => typeof value === 'string' && value !== '',
  'text or null': (value) => value === null || typeof value === 'string',
  boolean: (value) => typeof value === 'boolean',
  count: (value) => Number.isSafeInteger(value) && Number(value) >= 0,
  list: (value) => Array.isArray(value),
};

/** The status in a pod's answer, checked field by field; `POD_STATUS_MALFORMED` names what is wrong with it. */
export function parseServiceStatus(value: unknown): ServiceStatus {
  if (typeof value !== 'object' || value === null) throw malformed('it is not a JSON object');
  const status: Readonly<Record<string, unknown>> = { ...value };
  const program = status['program'];
  if (!isProgram(program)) throw malformed(`its program is ${JSON.stringify(program)}`);
  for (const [field, kind] of Object.entries(fieldsOf[program])) {
    if (!holds[kind](status[field])) throw malformed(`its ${field} is not a ${kind}`);
  }
  return value as ServiceStatus;
}

function isProgram(value: unknown): value is ServiceStatus['program'] {
  return typeof value === 'string' && Object.hasOwn(fieldsOf, value);
}

function malformed(what: string): PodStatusError {
  return new PodStatusError('POD_STATUS_MALFORMED', `The pod's status cannot be used: ${what}`);
}
