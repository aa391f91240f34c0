/** Every coded error a service program throws. The code is what people search logs for. */
export const errorCodes = [
  'CQRS_CONFIG_INVALID',
  'CQRS_ENV_MISSING',
  'CQRS_MIGRATION_FAILED',
  'CQRS_MIGRATION_PENDING',
  'CQRS_WRITE_STORE_FAILED',
  'CQRS_SLOT_AHEAD',
  'CQRS_SLOT_BUSY',
  'CQRS_SLOT_LOST',
  'CQRS_REPLICATION_FAILED',
  'CQRS_PGOUTPUT_MALFORMED',
  'CQRS_PUBLISH_FAILED',
  'CQRS_TOPIC_MISMATCH',
  'CQRS_EVENT_MALFORMED',
  'CQRS_AGGREGATE_UNDECLARED',
  'CQRS_VERSION_GAP',
  'CQRS_POSITION_AHEAD',
  'CQRS_EVENTS_EXPIRED',
  'CQRS_EVENT_SOURCE_FAILED',
  'CQRS_TOPIC_MISSING',
  'CQRS_READ_STORE_FAILED',
  'CQRS_PROJECTION_FAILED',
  'CQRS_DEAD_LETTER_FAILED',
  'CQRS_TOPIC_LOST',
  'CQRS_TIMELINE_CHANGED',
  'CQRS_PUBLICATION_LOST',
  'CQRS_BEHAVIOR_FAILED',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** A surprise with a code: `message` says what happened, where and what to do next; `cause` is kept. */
export class CqrsError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'CqrsError';
    this.code = code;
  }
}

/** Whether a caught value is one of ours with this code. */
export function isCoded(error: unknown, code: ErrorCode): boolean {
  return error instanceof CqrsError && error.code === code;
}
