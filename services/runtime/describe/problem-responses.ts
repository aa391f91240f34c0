import { problems, type ProblemCode } from '@cqrs/contract/problems.ts';

type Json = { readonly [member: string]: unknown };

/** Where an API's description holds the schema of its problems. */
const at = '#/components/schemas/Problem';

/** The body of every refusal of an API that answers with these problems (RFC 9457), some with members of its own. */
export function problemSchema(codes: readonly ProblemCode[], members: Json = {}): Json {
  return {
    type: 'object',
    required: ['type', 'title', 'status', 'detail'],
    properties: {
      type: { type: 'string', enum: codes.map(urnOf), description: 'Which problem it is.' },
      title: { type: 'string', description: 'The same for every problem of the type.' },
      status: { type: 'integer', minimum: 400, maximum: 599 },
      detail: { type: 'string', description: 'What happened, where, and what to do next.' },
      errors: {
        type: 'array',
        description: 'What of the body is wrong.',
        items: {
          type: 'object',
          required: ['pointer', 'detail'],
          properties: {
            pointer: { type: 'string', description: 'A JSON Pointer (RFC 6901) into the body.' },
            detail: { type: 'string' },
          },
        },
      },
      ...members,
    },
  };
}

/** The responses of an operation that may answer with these problems, by their status. */
export function problemResponses(codes: readonly ProblemCode[]): Json {
  const statuses = [...new Set(codes.map((code) => problems[code].status))].toSorted(
    (one, other) => one - other,
  );
  return Object.fromEntries(
    statuses.map((status) => [
      String(status),
      responseOf(codes.filter((code) => problems[code].status === status)),
    ]),
  );
}

function responseOf(codes: readonly ProblemCode[]): Json {
  const types = { properties: { type: { enum: codes.map(urnOf) } } };
  const waits = codes.some((code) => 'retryAfterSeconds' in problems[code]);
  return {
    description: codes.map((code) => `${problems[code].title} (\`${code}\`).`).join(' '),
    ...(waits ? { headers: { 'Retry-After': { $ref: '#/components/headers/Retry-After' } } } : {}),
    content: { 'application/problem+json': { schema: { allOf: [{ $ref: at }, types] } } },
  };
}

function urnOf(code: ProblemCode): string {
  return `urn:cqrs:problem:${code}`;
}
