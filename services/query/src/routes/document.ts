import type { ReadDocument } from '@cqrs/runtime/read-store/document.ts';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Demand } from '../consistency/demand.ts';
import { sendProblem } from '../problem-reply.ts';
import { sendRepresentation } from '../send-representation.ts';
import type { ServedView } from '../served-view.ts';
import { answerRead } from './answer-read.ts';

/**
 * One document by its key, in the bytes in which the read store holds it. The entity tag begins with the version of
 * the document's root, so whoever sent a command can see whether its effect is visible yet.
 */
export function sendDocument(
  served: ServedView,
  key: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { view, reader } = served;
  const { gate, counts } = served.documents;
  return answerRead(
    served,
    { request, response },
    {
      read: () => gate.read(() => reader.document(key)),
      shows: (document, { awaited }) => showsItself(document, key, awaited),
      counts,
      reads: 1,
      answer: (document) => {
        if (document === null) {
          counts['not-found'] += 1;
          const detail = `The view ${view.name} has no document "${key}".`;
          return sendProblem(response, 'not-found', detail);
        }
        const sent = sendRepresentation(document, served, request, response);
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
