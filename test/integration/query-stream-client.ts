/** A client of server-sent events that shows all that it was sent, and one that does not read. */
import { once } from 'node:events';
import { get, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { eventually } from '../support/eventually.ts';

const eventMsMax = 15_000;

type SentEvent = { readonly name: string; readonly id: string; readonly data: unknown };

export type StreamClient = {
  readonly answer: IncomingMessage;
  /** All events so far. */
  readonly events: readonly SentEvent[];
  /** Everything else: `retry: …` and comments. */
  readonly others: readonly string[];
  /** The newest event that `isIt` takes, once there is one. */
  readonly until: (what: string, isIt: (event: SentEvent) => boolean) => Promise<SentEvent>;
  /** Resolves with true when the stream ended in good order. */
  readonly ended: Promise<boolean>;
  readonly leave: () => void;
};

export async function openStream(
  url: string,
  headers: OutgoingHttpHeaders = {},
): Promise<StreamClient> {
  const request = get(url, { headers: { accept: 'text/event-stream', ...headers }, agent: false });
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  const events: SentEvent[] = [];
  const others: string[] = [];
  let text = '';
  answer.setEncoding('utf8').on('data', (chunk: string) => {
    const blocks = (text + chunk).split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = Object.fromEntries(
        block.split('\n').map((line) => [line.split(':')[0], line.slice(line.indexOf(':') + 2)]),
      );
      const { event, id = '', data = '' } = fields;
      if (event === undefined) others.push(block);
      else events.push({ name: event, id, data: JSON.parse(data) });
    }
  });
  const ended = new Promise<boolean>((resolve) => {
    answer.on('end', () => resolve(true));
    answer.on('error', () => resolve(false));
  });
  return {
    answer,
    events,
    others,
    until: (what, isIt) => eventually(what, eventMsMax, () => events.findLast(isIt)),
    ended,
    leave: () => request.destroy(),
  };
}
