import type { ReadDocument } from '@cqrs/runtime/read-store/document.ts';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { allowedCodings, type Coding } from './accept-header.ts';
import { chooseCoding } from './choose-coding.ts';
import { codedTag, isNamed } from './entity-tag.ts';
import { sendProblem } from './problem-reply.ts';
import type { ServedView } from './served-view.ts';

/** What a URL shows now: its entity tag without quotes, and JSON whose bytes are characters (`latin1`). */
export type Representation = ReadDocument;

/** What all views share that send. */
type Sending = Pick<ServedView, 'compressor' | 'unread'>;

/** What became of the read; one whose answer the client cannot take was a read all the same. */
export type SentAs = 'found' | 'not-modified' | 'overloaded';

/** As a string an answer is quicker to send, and takes its bytes three times while the client does not read. */
const stringCharsMax = 65_536;

/** Every request header that an answer may differ by. */
const vary = 'accept, accept-encoding, consistency-token, prefer';

/** Answers with JSON, or 304 when the client names a tag of it. */
export function sendRepresentation(
  { etag, json }: Representation,
  { compressor, unread }: Sending,
  request: IncomingMessage,
  response: ServerResponse,
): SentAs | Promise<SentAs> {
  const allowed = allowedCodings(request.headers['accept-encoding']);
  if (allowed.length === 0) {
    const detail = 'Accept-Encoding takes neither gzip nor identity, which is all that is offered.';
    sendProblem(response, 'not-acceptable', detail);
    return 'found';
  }
  const chosen = chooseCoding(allowed, json.length, compressor.hasRoom);
  const known = knownTag(request.headers['if-none-match'], etag, chosen, allowed);
  if (known !== undefined) {
    const headers = { etag: known, 'cache-control': cacheControlOf(response), vary };
    response.writeHead(304, headers).end();
    return 'not-modified';
  }
  if (!unread.hasRoomFor(json.length)) {
    const detail = 'Clients that do not read hold all the memory for answers. Try again.';
    sendProblem(response, 'overloaded', detail);
    return 'overloaded';
  }
  if (chosen === 'gzip') return sendGzip({ etag, json }, { compressor, unread }, request, response);
  if (chosen === null) {
    const detail = 'Too much is being compressed already. Try again, or allow identity.';
    sendProblem(response, 'overloaded', detail);
    return 'overloaded';
  }
  response.writeHead(200, {
    'content-type': 'application/json',
    'content-length': json.length,
    etag: codedTag(etag, 'identity'),
    'cache-control': cacheControlOf(response),
    vary,
  });
  response.end(json.length > stringCharsMax ? Buffer.from(json, 'latin1') : json, 'latin1');
  unread.sent(response, json.length);
  return 'found';
}

/** A read with a consistency token has said before what caches may do. */
function cacheControlOf(response: ServerResponse): string {
  const said = response.getHeader('cache-control');
  return typeof said === 'string' ? said : 'no-cache';
}

/** The tag that the client has named and may use: that of the coding it would get, or of another that it allows. */
function knownTag(
  ifNoneMatch: string | undefined,
  etag: string,
  chosen: Coding | null,
  allowed: readonly Coding[],
): string | undefined {
  if (ifNoneMatch === undefined) return undefined;
  const codings = chosen === null ? allowed : [chosen, ...allowed];
  return codings.map((coding) => codedTag(etag, coding)).find((tag) => isNamed(ifNoneMatch, tag));
}

async function sendGzip(
  { etag, json }: Representation,
  { compressor, unread }: Sending,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<SentAs> {
  const headers = {
    'content-type': 'application/json',
    'content-encoding': 'gzip',
    etag: codedTag(etag, 'gzip'),
    'cache-control': cacheControlOf(response),
    vary,
  };
  if (request.method === 'HEAD') {
    response.writeHead(200, headers).end();
    return 'found';
  }
  const body = await compressor.gzip(json);
  response.writeHead(200, { ...headers, 'content-length': body.length }).end(body);
  unread.sent(response, body.length);
  return 'found';
}
