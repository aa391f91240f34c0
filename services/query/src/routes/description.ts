import { answerWith, type WrittenDocument } from '@cqrs/runtime/describe/api-document.ts';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** What the API offers. */
export function sendDescription(
  document: WrittenDocument,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const { status, headers, body } = answerWith(document, request.headers['if-none-match']);
  const length = status === 304 ? {} : { 'content-length': Buffer.byteLength(body) };
  response.writeHead(status, { ...headers, ...length }).end(body);
}
