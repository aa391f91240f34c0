/**
 * Every problem an HTTP API of ours answers with (RFC 9457 problem+json): `type` is `urn:cqrs:problem:<code>`.
 * `retryAfterSeconds` is set where waiting helps, and becomes the Retry-After header.
 */
export const problems = {
  'malformed-request': { status: 400, title: 'The request cannot be read' },
  'malformed-body': { status: 400, title: 'The body is not what this aggregate accepts' },
  'malformed-token': { status: 400, title: 'The consistency token cannot be read' },
  'malformed-query': { status: 400, title: 'The query cannot be answered by this view' },
  'unknown-aggregate': { status: 404, title: 'No such aggregate' },
  'unknown-command': { status: 404, title: 'No such command' },
  'unknown-view': { status: 404, title: 'No such view' },
  'not-found': { status: 404, title: 'Nothing under this key' },
  'method-not-allowed': { status: 405, title: 'This method is not offered here' },
  'request-timeout': { status: 408, title: 'The request did not arrive in time' },
  'event-dead-lettered': {
    status: 409,
    title: 'The view goes without an event that the token asks for',
  },
  'idempotency-in-progress': {
    status: 409,
    title: 'The same command is under way',
    retryAfterSeconds: 1,
  },
  'not-acceptable': { status: 406, title: 'No answer in the forms that are accepted' },
  'version-mismatch': { status: 412, title: 'The aggregate has another version' },
  'body-too-large': { status: 413, title: 'The body is too large' },
  'unsupported-media-type': { status: 415, title: 'The media type is not accepted here' },
  'command-refused': { status: 422, title: 'The command was refused' },
  'idempotency-key-reused': {
    status: 422,
    title: 'The idempotency key belongs to another command',
  },
  'headers-too-large': { status: 431, title: 'The headers are too large' },
  'behavior-failed': { status: 500, title: 'The behavior of the aggregate failed' },
  'internal-error': { status: 500, title: 'The service failed' },
  overloaded: { status: 503, title: 'Too many requests are waiting', retryAfterSeconds: 1 },
  'store-unavailable': { status: 503, title: 'A store is out of reach', retryAfterSeconds: 1 },
  'behavior-unavailable': {
    status: 503,
    title: 'The behavior of the aggregate cannot be used now',
    retryAfterSeconds: 5,
  },
  'view-building': { status: 503, title: 'The view is being built', retryAfterSeconds: 5 },
  'view-halted': {
    status: 503,
    title: 'The view stands still at an aggregate of the token',
    retryAfterSeconds: 30,
  },
  'consistency-timeout': {
    status: 504,
    title: 'The view has not caught up with the token',
    retryAfterSeconds: 1,
  },
} as const satisfies Record<
  string,
  { readonly status: number; readonly title: string; readonly retryAfterSeconds?: number }
>;

export type ProblemCode = keyof typeof problems;

/** One field of a body that was refused: a JSON Pointer and a sentence. */
export type FieldProblem = { readonly pointer: string; readonly detail: string };

/** The JSON body of a problem answer. `detail` says what happened, where, and what to do next. */
export type Problem = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly errors?: readonly FieldProblem[];
  /** Of a new aggregate that may have been made: nobody knows, and here is where to look. */
  readonly id?: string;
};

export type ProblemMembers = Pick<Problem, 'errors' | 'id'>;

export function problem(code: ProblemCode, detail: string, more: ProblemMembers = {}): Problem {
  const { status, title } = problems[code];
  return { type: `urn:cqrs:problem:${code}`, title, status, detail, ...more };
}
