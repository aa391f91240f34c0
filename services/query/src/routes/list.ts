import type { FastifyReply, FastifyRequest } from 'fastify';
import { parseListRequest, type QueryParameters } from '../list-request.ts';
import { sendProblem } from '../problem-reply.ts';
import { readList } from '../read-list.ts';
import { sendRepresentation } from '../send-representation.ts';
import type { ServedView } from '../served-view.ts';
import { answerRead } from './answer-read.ts';

export type ListRoute = { Querystring: QueryParameters };

/** One page of a list. */
export async function sendList(
  served: ServedView,
  request: FastifyRequest<ListRoute>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const parsed = parseListRequest(served.view, request.query);
  if (!parsed.ok) return sendProblem(reply, 'malformed-query', parsed.detail);
  const { counts } = served.lists;
  return answerRead(
    served,
    { request, reply },
    {
      read: () => readList(served, parsed.request),
      counts,
      reads: 1,
      answer: async (page) => {
        counts[await sendRepresentation(page, served, request, reply)] += 1;
      },
    },
  );
}
