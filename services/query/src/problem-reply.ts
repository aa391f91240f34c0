import { problem, problems, type ProblemCode } from '@cqrs/contract/problems.ts';
import type { FastifyReply } from 'fastify';

/** Answers with problem+json, and Retry-After where waiting helps. */
export function sendProblem(reply: FastifyReply, code: ProblemCode, detail: string): FastifyReply {
  const { status, ...rest } = problems[code];
  if ('retryAfterSeconds' in rest) void reply.header('retry-after', rest.retryAfterSeconds);
  return reply
    .code(status)
    .type('application/problem+json')
    .header('cache-control', 'no-store')
    .send(JSON.stringify(problem(code, detail)));
}
