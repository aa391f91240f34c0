import type { FastifyReply, FastifyRequest } from 'fastify';
import { parseListRequest, type QueryParameters } from '../list-request.ts';
import { sendProblem } from '../problem-reply.ts';
import type { ServedView } from '../served-view.ts';

export type ListRoute = { Querystring: QueryParameters };

/** A page of a list: `{"items":[…],"next":"<cursor>"}`, `next` null on the last page. */
export async function sendList(
  { view, reader, lists }: ServedView,
  request: FastifyRequest<ListRoute>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const parsed = parseListRequest(view, request.query);
  if (!parsed.ok) return sendProblem(reply, 'malformed-query', parsed.detail);
  const { gate, counts } = lists;
  const read = await gate.read(() => reader.list(parsed.request));
  if (!read.ok) {
    counts[read.refusal] += 1;
    return sendProblem(reply, read.refusal, read.detail);
  }
  counts.found += 1;
  const { items, last } = read.value;
  const next = last === null ? null : parsed.request.cursor(last);
  return reply
    .header('cache-control', 'no-cache')
    .header('content-type', 'application/json')
    .send(`{"items":[${items}],"next":${JSON.stringify(next)}}`);
}
