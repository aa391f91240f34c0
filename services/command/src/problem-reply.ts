import {
  problem,
  problems,
  type ProblemCode,
  type ProblemMembers,
} from '@cqrs/contract/problems.ts';
import type { FastifyReply } from 'fastify';

/** Answers with problem+json, and Retry-After where waiting helps. */
export function sendProblem(
  reply: FastifyReply,
  code: ProblemCode,
  detail: string,
  more?: ProblemMembers,
): FastifyReply {
  const { status, ...rest } = problems[code];
  if ('retryAfterSeconds' in rest) void reply.header('retry-after', rest.retryAfterSeconds);
  return reply
    .code(status)
    .type('application/problem+json')
    .send(JSON.stringify(problem(code, detail, more)));
}
