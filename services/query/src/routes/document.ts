import type { ReadDocument } from '@cqrs/runtime/read-store/document.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Demand } from '../consistency/demand.ts';
import { sendProblem } from '../problem-reply.ts';
import { sendRepresentation } from '../send-representation.ts';
import type { ServedView } from '../served-view.ts';
import { answerRead } from './answer-read.ts';

export type DocumentRoute = { Params: { key: string } };

/**
 * One document by its key, in the bytes in which the read store holds it. The entity tag begins with the version of
 * the document's root, so whoever sent a command can see whether its effect is visible yet.
 */
export function sendDocument(
  served: ServedView,
  request: FastifyRequest<DocumentRoute>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { view, reader } = served;
  const { gate, counts } = served.documents;
  const { key } = request.params;
  return answerRead(
    served,
    { request, reply },
    {
      read: () => gate.read(() => reader.document(key)),
      shows: (document, { awaited }) => showsItself(document, key, awaited),
      counts,
      reads: 1,
      answer: (document) => {
        if (document === null) {
          counts['not-found'] += 1;
          void sendProblem(reply, 'not-found', `The view ${view.name} has no document "${key}".`);
          return undefined;
        }
        const sent = sendRepresentation(document, served, request, reply);
        if (typeof sent === 'string') return void (counts[sent] += 1);
        return sent.then((later) => void (counts[later] += 1));
      },
    },
  );
}

/** A document's own version answers for its root without a question more. */
function showsItself(
  document: ReadDocument | null,
  key: string,
  awaited: Demand['awaited'],
): boolean {
  const version = Number.parseInt(document?.etag ?? '0', 10);
  return awaited.every(
    (each) => each.role === 'root' && each.id === key && version >= each.version,
  );
}
