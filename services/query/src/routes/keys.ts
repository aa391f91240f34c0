import type { FastifyReply, FastifyRequest } from 'fastify';
import { parseKeysRequest } from '../keys-request.ts';
import { sendProblem } from '../problem-reply.ts';
import { readKeys } from '../read-keys.ts';
import { sendRepresentation } from '../send-representation.ts';
import type { ServedView } from '../served-view.ts';
import { answerRead } from './answer-read.ts';
import type { ListRoute } from './list.ts';

/** Documents by several keys, in one answer with one entity tag. */
export async function sendKeys(
  served: ServedView,
  request: FastifyRequest<ListRoute>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const parsed = parseKeysRequest(request.query);
  if (!parsed.ok) return sendProblem(reply, 'malformed-query', parsed.detail);
  const { counts } = served.documents;
  return answerRead(
    served,
    { request, reply },
    {
      read: () => readKeys(served, parsed.keys),
      counts,
      reads: parsed.keys.length,
      answer: async ({ representation, found, missing }) => {
        const sent = await sendRepresentation(representation, served, request, reply);
        counts[sent] += found;
        counts['not-found'] += missing;
      },
    },
  );
}
