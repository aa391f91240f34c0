import type { IncomingMessage, ServerResponse } from 'node:http';
import { parseKeysRequest } from '../keys-request.ts';
import type { QueryParameters } from '../list-request.ts';
import { sendProblem } from '../problem-reply.ts';
import { readKeys } from '../read-keys.ts';
import { sendRepresentation } from '../send-representation.ts';
import type { ServedView } from '../served-view.ts';
import { answerRead } from './answer-read.ts';

/** Documents by several keys, in one answer with one entity tag. */
export async function sendKeys(
  served: ServedView,
  query: QueryParameters,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const parsed = parseKeysRequest(query);
  if (!parsed.ok) return sendProblem(response, 'malformed-query', parsed.detail);
  const { counts } = served.documents;
  return answerRead(
    served,
    { request, response },
    {
      read: () => readKeys(served, parsed.keys),
      counts,
      reads: parsed.keys.length,
      answer: async ({ representation, found, missing }) => {
        const sent = await sendRepresentation(representation, served, request, response);
        counts[sent] += found;
        counts['not-found'] += missing;
      },
    },
  );
}
