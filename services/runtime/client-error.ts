import { problem, problems, type ProblemCode } from '@cqrs/contract/problems.ts';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

type Answer = { readonly code: ProblemCode; readonly detail: string };

const answers: Readonly<Record<string, Answer>> = {
  ERR_HTTP_REQUEST_TIMEOUT: {
    code: 'request-timeout',
    detail: 'The request took too long to arrive; it was not begun. Send it again.',
  },
  HPE_HEADER_OVERFLOW: {
    code: 'headers-too-large',
    detail: 'The request line and the headers have more than 16384 bytes together.',
  },
};

/**
 * Answers what Node could not read as a request, on the bare socket: there is neither a request nor a reply. Where
 * it would be taken for another answer, or nobody can read it, the connection only ends.
 */
export function answerClientError(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable || owesAnAnswer(socket)) {
    socket.destroy();
    return;
  }
  const { code, detail } = answers[error.code ?? ''] ?? {
    code: 'malformed-request' as const,
    detail: `This is not HTTP/1.1 as this service reads it: ${error.message}.`,
  };
  const body = JSON.stringify(problem(code, detail));
  const { status, title } = problems[code];
  socket.end(
    [
      `HTTP/1.1 ${status} ${title}`,
      'Content-Type: application/problem+json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  );
}

/**
 * Whether the connection owes the answer to a request that it has received whole: what we say now would be taken for it.
 * Node keeps the response under way on its socket.
 */
function owesAnAnswer(socket: Socket & { readonly _httpMessage?: ServerResponse | null }): boolean {
  const { _httpMessage: response } = socket;
  return response?.headersSent === true || response?.req.complete === true;
}
