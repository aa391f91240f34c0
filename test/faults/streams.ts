/** Clients that follow documents and lists all the while, and come back as an EventSource does when a stream ends. */
import { get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Fields } from './commands.ts';
import { createRandom, seedFor } from './random.ts';
import type { Sightings } from './sightings.ts';
import { readServices, type ReadService } from './topology.ts';

const documentsPerView = 3;
const keysMax = 60;
const customersMax = 8;
const listLimit = 20;
/** Until a server says otherwise. */
const reconnectMs = 1_000;

/** What a stream has told last. */
type Told = {
  readonly name: string;
  readonly service: string;
  readonly path: string;
  /** Undefined before the first event; null when there is no such document. */
  readonly state: unknown;
};

export type Streams = {
  readonly told: () => readonly Told[];
  readonly counts: () => { readonly events: number; readonly opened: number };
  readonly stop: () => Promise<void>;
};

/** `mayHaveLost`: whether a view's store may have lost what was shown at this time (of performance.now). */
export function startStreams(options: {
  readonly seed: number;
  readonly sightings: Sightings;
  readonly url: (service: string) => string;
  readonly mayHaveLost: (service: string, shownMs: number) => boolean;
}): Streams {
  const { seed, sightings, url, mayHaveLost } = options;
  const counts = { events: 0, opened: 0 };
  const stopping = new AbortController();
  const followers = placesOf(seed).map(({ service, path, key }) => {
    const told = { name: path, service: service.name, path, state: undefined as unknown };
    let lastEventId: string | undefined;
    let newest = { version: 0, shownMs: 0 };

    const show = ({ id, event, data }: StreamEvent): void => {
      counts.events += 1;
      lastEventId = id;
      told.state = JSON.parse(data);
      if (event !== 'document' || key === null) return;
      const version = Number(/^"(\d+)/.exec(id)?.[1]);
      const { name: view } = service.view;
      sightings.document({ view, key, version, document: told.state as Fields });
      if (version < newest.version && !mayHaveLost(service.name, newest.shownMs)) {
        const what = 'A stream never tells an older version after a newer one';
        sightings.difference({ what, key: path, expected: newest.version, seen: version });
      }
      newest = { version, shownMs: performance.now() };
    };
    const follow = async (): Promise<void> => {
      let waitMs = reconnectMs;
      while (!stopping.signal.aborted) {
        counts.opened += 1;
        const known = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
        await readStream(`${url(service.name)}${path}`, {
          headers: { accept: 'text/event-stream', ...known },
          signal: stopping.signal,
          onEvent: show,
          onRetry: (ms) => (waitMs = ms),
        });
        await delay(waitMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    };
    return { told, done: follow() };
  });
  return {
    told: () => followers.map(({ told }) => ({ ...told })),
    counts: () => counts,
    stop: async () => {
      stopping.abort();
      await Promise.all(followers.map(({ done }) => done));
    },
  };
}

type Place = { readonly service: ReadService; readonly path: string; readonly key: string | null };

function placesOf(seed: number): readonly Place[] {
  const random = createRandom(seedFor(seed, 'streams'));
  return readServices.flatMap((service) => {
    const { name, sources, indexes } = service.view;
    const letter = sources[0]?.aggregate === 'order' ? 'o' : 'p';
    const documents = Array.from({ length: documentsPerView }, () => {
      const key = `${letter}${random.integer(1, keysMax)}`;
      return { service, path: `/${name}/${key}`, key };
    });
    const field = indexes[0]?.by[0] ?? '';
    const value =
      field === 'orderId'
        ? `o${random.integer(1, keysMax)}`
        : `c${random.integer(1, customersMax)}`;
    const list = { service, path: `/${name}?${field}=${value}&limit=${listLimit}`, key: null };
    return [...documents, list];
  });
}

type StreamEvent = { readonly id: string; readonly event: string; readonly data: string };

/** Reads one connection to its end, however it ends. */
async function readStream(
  url: string,
  options: {
    readonly headers: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
    readonly onEvent: (event: StreamEvent) => void;
    readonly onRetry: (ms: number) => void;
  },
): Promise<void> {
  const { headers, signal, onEvent, onRetry } = options;
  return new Promise((resolve) => {
    const request = get(url, { headers, signal, agent: false }, (answer) => {
      answer.once('error', () => resolve()).once('close', () => resolve());
      if (answer.statusCode !== 200) {
        answer.resume();
        return;
      }
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        const blocks = (text + chunk).split('\n\n');
        text = blocks.pop() ?? '';
        for (const block of blocks) {
          const { retry, event, id, data } = fieldsOf(block);
          if (retry !== undefined) onRetry(Number(retry));
          if (event !== undefined && id !== undefined && data !== undefined) {
            onEvent({ id, event, data });
          }
        }
      });
    });
    request.once('error', () => resolve());
  });
}

/** The fields of one block of a stream (HTML, 9.2.6); our services write each on one line. */
export function fieldsOf(
  block: string,
): Readonly<Partial<Record<'retry' | 'event' | 'id' | 'data', string>>> {
  return Object.fromEntries(
    block.split('\n').map((line) => {
      const end = line.indexOf(':');
      return [line.slice(0, end), line.slice(end + 1).replace(/^ /, '')];
    }),
  );
}
