import type { ReadDocument } from '@cqrs/runtime/read-store/document.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isNamed } from '../entity-tag.ts';
import { sendProblem } from '../problem-reply.ts';
import type { ServedView } from '../served-view.ts';

export type DocumentRoute = { Params: { key: string } };

/**
 * One document by its key, in the bytes in which the read store holds it. The entity tag begins with the version of
 * the document's root, so whoever sent a command can see whether its effect is visible yet.
 */
export async function sendDocument(
  { view, reader, documents }: ServedView,
  request: FastifyRequest<DocumentRoute>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { gate, counts } = documents;
  const { key } = request.params;
  const read = await gate.read(() => reader.document(key));
  if (!read.ok) {
    counts[read.refusal] += 1;
    return sendProblem(reply, read.refusal, read.detail);
  }
  if (read.value === null) {
    counts['not-found'] += 1;
    return sendProblem(reply, 'not-found', `The view ${view.name} has no document "${key}".`);
  }
  const sent = sendBytes(read.value, request.headers['if-none-match'], reply);
  counts[sent] += 1;
  return reply;
}

/** Past the framework's own way of answering, which costs as much again as everything else here. */
function sendBytes(
  { etag, json }: ReadDocument,
  ifNoneMatch: string | undefined,
  reply: FastifyReply,
): 'found' | 'not-modified' {
  const tag = `"${etag}"`;
  const { raw } = reply.hijack();
  if (ifNoneMatch !== undefined && isNamed(ifNoneMatch, tag)) {
    raw.writeHead(304, { etag: tag, 'cache-control': 'no-cache' }).end();
    return 'not-modified';
  }
  raw.writeHead(200, {
    'content-type': 'application/json',
    'content-length': json.length,
    etag: tag,
    'cache-control': 'no-cache',
  });
  raw.end(json, 'latin1');
  return 'found';
}
