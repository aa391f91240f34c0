import { CqrsError } from '@cqrs/contract/errors.ts';

/** Postgres is out of reach. `unknown`: the statement was sent and its answer lost, so it may have been committed. */
export class WriteStoreError extends CqrsError {
  readonly outcome: 'not-applied' | 'unknown';
  /** The id of a new aggregate that may so have been made; its client does not know it yet. */
  readonly createdId: string | undefined;

  constructor(
    outcome: 'not-applied' | 'unknown',
    message: string,
    cause: unknown,
    createdId?: string,
  ) {
    super('CQRS_WRITE_STORE_FAILED', message, cause);
    this.outcome = outcome;
    this.createdId = createdId;
  }

  /** The same of a command that was to make the aggregate `id`. */
  ofCreating(id: string): WriteStoreError {
    if (this.outcome === 'not-applied') return this;
    return new WriteStoreError(this.outcome, this.message, this.cause, id);
  }
}

/**
 * Codes after which nothing was applied, because the statement never left or Postgres said that it rolled back:
 * those of Node and of the client while it connects, and the SQLSTATEs that a later try may not meet.
 */
const notApplied = [
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|CONNECT_TIMEOUT|CONNECTION_ENDED)$/,
  /^(28|53)...$/,
  /^(25006|3D000|3F000|40001|40P01|42501|42P01|55P03|57014|57P03)$/,
];
/** Codes of a connection that ended while a statement was on its way. */
const unknown = [
  /^(CONNECTION_CLOSED|CONNECTION_DESTROYED|ECONNRESET|EPIPE|ETIMEDOUT)$/,
  /^08...$/,
  /^57P0[125]$/,
];

/** The error as a WriteStoreError when waiting may help, and unchanged when it is a fault of ours. */
export function storeFailure(error: unknown): unknown {
  const code = codeOf(error);
  const reason = error instanceof Error ? error.message : String(error);
  if (!isPanic(error) && notApplied.some((pattern) => pattern.test(code))) {
    return new WriteStoreError(
      'not-applied',
      `Postgres could not take the statement (${code}: ${reason}); nothing was changed.`,
      error,
    );
  }
  if (isPanic(error) || unknown.some((pattern) => pattern.test(code))) {
    return new WriteStoreError(
      'unknown',
      `The connection to Postgres ended before it answered (${code}: ${reason}).`,
      error,
    );
  }
  return error;
}

/** The server went down over it, such as over WAL that finds no space: the commit may have been written just before. */
function isPanic(error: unknown): boolean {
  return (
    typeof error === 'object' && error !== null && 'severity' in error && error.severity === 'PANIC'
  );
}

/** Ends of a statement that waited for a row or a lock which only some of its rows need: 40001, deadlock, timeouts. */
const waitedInVain = /^(40001|40P01|55P03|57014)$/;

/** Whether one row of a statement may be why all of it was rolled back: it broke a rule, or waited for somebody. */
export function mayBeOneRow(error: unknown): boolean {
  if (!(error instanceof WriteStoreError)) return codeOf(error) !== '';
  return waitedInVain.test(codeOf(error.cause));
}

/** The failure of a statement that only reads: whatever became of it, nothing was changed. */
export function readFailure(error: unknown): unknown {
  if (!(error instanceof WriteStoreError) || error.outcome === 'not-applied') return error;
  return new WriteStoreError('not-applied', `${error.message} Nothing was changed.`, error.cause);
}

/** The name of the constraint that a statement broke, if that is what the error says. */
export function brokenConstraint(error: unknown): string | undefined {
  if (!/^23(505|514)$/.test(codeOf(error)) || typeof error !== 'object' || error === null)
    return undefined;
  return 'constraint_name' in error ? String(error.constraint_name) : undefined;
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
}
