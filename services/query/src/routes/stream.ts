import { lastInTurn } from '@cqrs/runtime/in-turn.ts';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { asksForKeys } from '../keys-request.ts';
import { parseListRequest, type QueryParameters } from '../list-request.ts';
import { sendProblem } from '../problem-reply.ts';
import { readList } from '../read-list.ts';
import type { ServedView } from '../served-view.ts';
import type { EventStream } from '../streams/event-stream.ts';
import { documentEvent, listEvent } from '../streams/state-event.ts';
import { streamsMax } from '../streams/stream-room.ts';

/** A document as it is and as it becomes. One that is not there is followed too: it may come. */
export function streamDocument(
  served: ServedView,
  key: string,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const { gate, counts } = served.documents;
  return openStream(served, request, response, (stream) =>
    served.live.followDocument(key, stream, async () => {
      const read = await gate.read(() => served.reader.document(key));
      counts[read.ok ? (read.value === null ? 'not-found' : 'found') : read.refusal] += 1;
      return read.ok ? { ok: true, value: documentEvent(read.value) } : read;
    }),
  );
}

/** A page of a list as it is and as it becomes. */
export function streamList(
  served: ServedView,
  query: QueryParameters,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  if (asksForKeys(query)) {
    const detail =
      'Documents by several keys are given as JSON; a stream follows one key or a list.';
    return sendProblem(response, 'not-acceptable', detail);
  }
  const parsed = parseListRequest(served.view, query);
  if (!parsed.ok) return sendProblem(response, 'malformed-query', parsed.detail);
  const { indexSuffix, limit, after } = parsed.request;
  const page = JSON.stringify([indexSuffix, limit, after]);
  return openStream(served, request, response, (stream) =>
    served.live.followList(page, stream, async () => {
      const read = await readList(served, parsed.request);
      served.lists.counts[read.ok ? 'found' : read.refusal] += 1;
      return read.ok ? { ok: true, value: listEvent(read.value) } : read;
    }),
  );
}

/** The connection is the stream's alone: a client that comes back makes a new one, to whichever replica. */
const headers = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store',
  connection: 'close',
  vary: 'accept',
};

function openStream(
  { streamRoom }: ServedView,
  request: IncomingMessage,
  response: ServerResponse,
  follow: (stream: EventStream) => () => void,
): void {
  if (!streamRoom.hasRoom) {
    const detail = `${streamsMax} streams are open here already. Try again; more replicas may be on their way.`;
    return sendProblem(response, 'overloaded', detail);
  }
  if (!lastInTurn(request)) return;
  response.writeHead(200, headers);
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  const lastEventId = request.headers['last-event-id'];
  const known = typeof lastEventId === 'string' ? lastEventId : undefined;
  streamRoom.begin(response, known, { random: Math.random(), nowMs: performance.now(), follow });
}
