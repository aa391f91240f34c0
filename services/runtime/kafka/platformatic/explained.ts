/**
 * The client's errors keep what happened in errors of their own, of which one message says little ("Received response
 * with error"). This is one error whose message says all there is, each thing once.
 */
export function explained(error: unknown): Error {
  const messages = [...new Set(leaves(error).map(messageOf))];
  return new Error(messages.join(' '), { cause: error });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function leaves(error: unknown): readonly unknown[] {
  const errors = error instanceof AggregateError ? error.errors.flatMap(leaves) : [];
  return errors.length > 0 ? errors : [error];
}
