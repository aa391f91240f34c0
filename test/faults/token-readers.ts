/** Clients that read what they have written: each acknowledged command's token is read with until a view has shown it. */
import { setTimeout as delay } from 'node:timers/promises';
import type { TokenEntry } from '@cqrs/contract/consistency-token.ts';
import type { Scope } from './check-token-read.ts';
import type { Command, Fields } from './commands.ts';
import type { Difference } from './difference.ts';
import { send, type Answer } from './http.ts';
import { createRandom, seedFor, type Random } from './random.ts';
import type { Sightings } from './sightings.ts';
import { readServices, writeServices, type ReadService } from './topology.ts';

const readersCount = 12;
const idleMs = 20;
/** Tokens that wait for a reader; the oldest beyond it are read at the end. */
const waitingMax = 200;
const answerMsMax = 25_000;
const waitSecondsMax = 5;
const lenientShare = 0.15;
const listShare = 0.3;
const listLimit = 500;
const customersMax = 8;
const ordersMax = 60;
/** By handling, status and Consistency-Status: every answer that may be given while things are hurt. */
const verdicts: Readonly<Record<string, keyof TokenReadCounts>> = {
  'strict 200 unmarked': 'shown',
  'strict 404 unmarked': 'shown',
  'strict 503 unmarked': 'unavailable',
  'strict 504 unmarked': 'late',
  'lenient 200 unmarked': 'shown',
  'lenient 404 unmarked': 'shown',
  'lenient 503 unmarked': 'unavailable',
  'lenient 200 stale': 'stale',
  'lenient 404 stale': 'stale',
  'lenient 503 stale': 'unavailable',
};

/** A token that some command was acknowledged with. */
export type Written = {
  readonly command: Command;
  readonly id: string;
  readonly token: string;
  readonly entries: readonly TokenEntry[];
};

export type TokenReadCounts = {
  shown: number;
  stale: number;
  late: number;
  unavailable: number;
  unanswered: number;
};

export type TokenReaders = {
  readonly offer: (written: Written) => void;
  readonly counts: () => Readonly<TokenReadCounts>;
  readonly stop: () => Promise<void>;
  /** Tokens whose writes no read has shown yet, once the readers are stopped. */
  readonly unshown: () => readonly Written[];
  /** Reads each of those with patience, some at a time; what stays unshown is what is given. */
  readonly readUnshown: () => Promise<readonly Written[]>;
};

export function startTokenReaders(options: {
  readonly seed: number;
  readonly sightings: Sightings;
  /** Base URL of a replica of a read service's query program. */
  readonly url: (service: string, random: Random) => string;
}): TokenReaders {
  const { seed, sightings, url } = options;
  const counts = { shown: 0, stale: 0, late: 0, unavailable: 0, unanswered: 0 };
  const waiting: Written[] = [];
  const unshown: Written[] = [];

  /** True once the token's writes were shown. */
  const read = async (random: Random, written: Written, handling: string): Promise<boolean> => {
    const place = drawPlace(random, written);
    const { service, path, scope } = place;
    const base = url(service.name, random);
    const waitSeconds = random.integer(1, waitSecondsMax);
    const answer = await sendRead(`${base}${path}`, written.token, { waitSeconds, handling });
    const verdict = verdictOf(answer, handling);
    if (typeof verdict !== 'string') {
      sightings.difference({ ...verdict, key: path });
      return false;
    }
    counts[verdict] += 1;
    if (verdict !== 'shown' || !answer.ok) return false;
    const { entries } = written;
    const view = service.view.name;
    sightings.tokenRead({ view, scope, entries, ...contentOf(answer, scope) });
    return true;
  };
  const stopping = new AbortController();
  const done = atOnce(async (name) => {
    const random = createRandom(seedFor(seed, `token reader ${name}`));
    while (!stopping.signal.aborted) {
      const written = waiting.pop();
      if (written === undefined) {
        await delay(idleMs);
        continue;
      }
      const handling = random.chance(lenientShare) ? 'lenient' : 'strict';
      if (!(await read(random, written, handling))) unshown.push(written);
    }
  });
  return {
    offer: (written) => {
      waiting.push(written);
      if (waiting.length > waitingMax) unshown.push(...waiting.splice(0, 1));
    },
    counts: () => counts,
    stop: async () => {
      stopping.abort();
      await done;
      unshown.push(...waiting.splice(0));
    },
    unshown: () => unshown,
    readUnshown: async () => {
      const left = unshown.splice(0);
      await atOnce(async (name) => {
        const random = createRandom(seedFor(seed, `last token reader ${name}`));
        for (let one = left.pop(); one !== undefined; one = left.pop()) {
          if (!(await read(random, one, 'strict'))) unshown.push(one);
        }
      });
      return unshown;
    },
  };
}

async function atOnce(reader: (name: number) => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: readersCount }, async (_, name) => reader(name)));
}

async function sendRead(
  url: string,
  token: string,
  { waitSeconds, handling }: { readonly waitSeconds: number; readonly handling: string },
): Promise<Answer> {
  const prefer = `wait=${waitSeconds}, handling=${handling}`;
  return send(url, {
    method: 'GET',
    headers: { 'consistency-token': token, prefer },
    body: null,
    timeoutMs: answerMsMax,
  });
}

type Place = { readonly service: ReadService; readonly path: string; readonly scope: Scope };

/** Some place where the command's effect is to be seen: under its key, in a list, in a document it is part of. */
export function drawPlace(random: Random, { command, id }: Written): Place {
  const topic = writeServices.find(({ name }) => name === command.service)?.topic;
  const service = random.pick(
    readServices.filter(({ view }) => view.sources.some((source) => source.topic === topic)),
  );
  const { view } = service;
  const isRoot = view.sources[0]?.topic === topic;
  const orderId = textOf(command.body, 'orderId') ?? `o${random.integer(1, ordersMax)}`;
  if (!random.chance(listShare)) {
    const key = isRoot ? id : orderId;
    const path = `/${view.name}/${encodeURIComponent(key)}`;
    return { service, path, scope: { kind: 'document', key } };
  }
  const field = view.indexes[0]?.by[0] ?? '';
  const drawn = field === 'orderId' ? orderId : `c${random.integer(1, customersMax)}`;
  const value = textOf(command.body, field) ?? drawn;
  const path = `/${view.name}?${field}=${encodeURIComponent(value)}&limit=${listLimit}`;
  return { service, path, scope: { kind: 'list', field, value } };
}

function textOf(body: Fields | null, field: string): string | undefined {
  const value = body?.[field];
  return typeof value === 'string' ? value : undefined;
}

/** What an answer to a read with a token is counted as, or that no such answer should ever be given. */
export function verdictOf(
  answer: Answer,
  handling: string,
): keyof TokenReadCounts | Omit<Difference, 'key'> {
  if (!answer.ok) return 'unanswered';
  const { status, headers, text } = answer;
  const marked = headers['consistency-status'] ?? 'unmarked';
  const verdict = verdicts[`${handling} ${status} ${String(marked)}`];
  if (verdict !== undefined) return verdict;
  return {
    what: 'A read with a token is answered as the API says',
    expected: '200 or 404, marked as stale under lenient handling only; 503; 504 under strict',
    seen: `${handling}: ${status} ${JSON.stringify(headers)} ${text}`,
  };
}

function contentOf(
  { status, text }: Answer & { readonly ok: true },
  scope: Scope,
): { readonly documents: readonly Fields[]; readonly hasMore: boolean } {
  if (status === 404) return { documents: [], hasMore: false };
  if (scope.kind === 'document') return { documents: [JSON.parse(text) as Fields], hasMore: false };
  const { items, next } = JSON.parse(text) as {
    readonly items: readonly Fields[];
    readonly next: string | null;
  };
  return { documents: items, hasMore: next !== null };
}
