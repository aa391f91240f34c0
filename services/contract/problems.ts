/**
 * Every problem an HTTP API of ours answers with (RFC 9457 problem+json): `type` is `urn:cqrs:problem:<code>`.
 * `retryAfterSeconds` is set where waiting helps, and becomes the Retry-After header.
 */
export const problems = {
  'malformed-request': { status: 400, title: 'The request cannot be read' },
  'malformed-body': { status: 400, title: 'The body is not what this aggregate accepts' },
  'malformed-query': { status: 400, title: 'The query cannot be answered by this view' },
  'unknown-aggregate': { status: 404, title: 'No such aggregate' },
  'unknown-view': { status: 404, title: 'No such view' },
  'not-found': { status: 404, title: 'Nothing under this key' },
  'method-not-allowed': { status: 405, title: 'This method is not offered here' },
  'version-mismatch': { status: 412, title: 'The aggregate has another version' },
  'body-too-large': { status: 413, title: 'The body is too large' },
  'unsupported-media-type': { status: 415, title: 'The media type is not accepted here' },
  'internal-error': { status: 500, title: 'The service failed' },
  overloaded: { status: 503, title: 'Too many requests are waiting', retryAfterSeconds: 1 },
  'store-unavailable': { status: 503, title: 'A store is out of reach', retryAfterSeconds: 1 },
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
};

export function problem(
  code: ProblemCode,
  detail: string,
  errors?: readonly FieldProblem[],
): Problem {
  const { status, title } = problems[code];
  const body = { type: `urn:cqrs:problem:${code}`, title, status, detail };
  return errors === undefined ? body : { ...body, errors };
}
