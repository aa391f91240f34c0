import type { IncomingMessage, ServerResponse } from 'node:http';
import { parseListRequest, type QueryParameters } from '../list-request.ts';
import { sendProblem } from '../problem-reply.ts';
import { readList } from '../read-list.ts';
import { sendRepresentation } from '../send-representation.ts';
import type { ServedView } from '../served-view.ts';
import { answerRead } from './answer-read.ts';

/** One page of a list. */
export async function sendList(
  served: ServedView,
  query: QueryParameters,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const parsed = parseListRequest(served.view, query);
  if (!parsed.ok) return sendProblem(response, 'malformed-query', parsed.detail);
  const { counts } = served.lists;
  return answerRead(
    served,
    { request, response },
    {
      read: () => readList(served, parsed.request),
      counts,
      reads: 1,
      answer: async (page) => {
        counts[await sendRepresentation(page, served, request, response)] += 1;
      },
    },
  );
}
