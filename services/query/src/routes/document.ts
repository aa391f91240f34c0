import type { OutgoingHttpHeaders } from 'node:http';
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
  const etag = `"${read.value.etag}"`;
  const ifNoneMatch = request.headers['if-none-match'];
  const notModified = ifNoneMatch !== undefined && isNamed(ifNoneMatch, etag);
  counts[notModified ? 'not-modified' : 'found'] += 1;
  // Past the framework's own way of answering, which costs as much again as everything else here.
  reply.hijack();
  if (notModified) reply.raw.writeHead(304, { etag, ...caching }).end();
  else reply.raw.writeHead(200, headers(etag, read.value.json)).end(read.value.json, 'latin1');
  return reply;
}

const caching = { 'cache-control': 'no-cache' };

function headers(etag: string, json: string): OutgoingHttpHeaders {
  return {
    'content-type': 'application/json',
    'content-length': json.length,
    etag,
    'cache-control': 'no-cache',
  };
}
