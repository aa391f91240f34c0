import { problem, problems, type FieldProblem, type ProblemCode } from '@cqrs/contract/problems.ts';
import type { FastifyReply } from 'fastify';

/** Answers with problem+json, and Retry-After where waiting helps. */
export function sendProblem(
  reply: FastifyReply,
  code: ProblemCode,
  detail: string,
  errors?: readonly FieldProblem[],
): FastifyReply {
  const { status, ...rest } = problems[code];
  if ('retryAfterSeconds' in rest) void reply.header('retry-after', rest.retryAfterSeconds);
  return reply
    .code(status)
    .type('application/problem+json')
    .send(JSON.stringify(problem(code, detail, errors)));
}
