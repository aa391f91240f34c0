import { problem, problems, type ProblemCode } from '@cqrs/contract/problems.ts';
import type { ServerResponse } from 'node:http';

/** Answers with problem+json, and Retry-After where waiting helps. */
export function sendProblem(response: ServerResponse, code: ProblemCode, detail: string): void {
  const { status, ...rest } = problems[code];
  if ('retryAfterSeconds' in rest) response.setHeader('retry-after', rest.retryAfterSeconds);
  const body = JSON.stringify(problem(code, detail));
  response
    .writeHead(status, {
      'content-type': 'application/problem+json',
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
    })
    .end(body);
}
