import { setTimeout as delay } from 'node:timers/promises';
import { drawCommand, type Command } from './commands.ts';
import { send, type Answer } from './http.ts';
import type { Ledger, Outcome } from './ledger.ts';
import { createRandom, seedFor, type Random } from './random.ts';
import type { WriteName } from './topology.ts';

/** More than the rate needs: some wait for an answer that a fault holds back. */
const clientCount = 16;
const commandsPerSecond = 70;
const answerMsMax = 25_000;
const pauseAfterRefusalMs = 100;
/** Of commands that have an idempotency key, and of those the ones that are sent again though they were answered. */
const keyShare = 0.35;
const againShare = 0.2;
const triesMax = 40;
const tryAgainDelayMs = 500;

export type Acknowledged = Extract<Outcome, { readonly kind: 'acknowledged' }>;

export type Clients = {
  /** Lets each client finish the command that it has begun. */
  readonly stop: () => Promise<void>;
  readonly repeats: () => Readonly<Repeats>;
};

/** What came of idempotency keys. */
export type Repeats = {
  /** Commands that had a key. */
  keyed: number;
  /** Commands whose first answer was lost, and which a repetition made known. */
  madeKnown: number;
  /** Commands that were answered, sent again, and answered the same. */
  answeredAgain: number;
};

/** Sends the seed's commands at a moderate rate; each client goes on with its next when the last one is answered. */
export function startClients(options: {
  readonly seed: number;
  readonly ledger: Ledger;
  /** Base URLs of a service's command replicas, those that are down too. */
  readonly urls: (service: WriteName) => readonly string[];
  readonly onAcknowledged: (command: Command, outcome: Acknowledged) => void;
}): Clients {
  const { seed, ledger, urls, onAcknowledged } = options;
  const stopping = new AbortController();
  const pauseMsMax = (2 * 1000 * clientCount) / commandsPerSecond;
  const repeats = { keyed: 0, madeKnown: 0, answeredAgain: 0 };

  const client = async (name: number): Promise<void> => {
    const random = createRandom(seedFor(seed, `client ${name}`));
    const versions = new Map<string, number>();
    // Every other client sends the token that it has, and so gathers what it wrote to any service.
    const gathersTokens = name % 2 === 1;
    let token: string | null = null;
    for (let number = 1; !stopping.signal.aborted; number += 1) {
      const command = drawCommand(random, (aggregate, id) => versions.get(`${aggregate} ${id}`));
      const key = random.chance(keyShare) ? `${seed}-${name}-${number}` : null;
      const url = (): string => random.pick(urls(command.service));
      const sending: Sending = { url, ledger, token, key };
      const outcome: Outcome = await (key === null
        ? sendCommand(command, sending)
        : sendWithKey(command, sending, { random, repeats }));
      if (outcome.kind === 'acknowledged') {
        versions.set(`${command.aggregate} ${outcome.id}`, outcome.version);
        if (gathersTokens) token = outcome.token;
        onAcknowledged(command, outcome);
      }
      const pauseMs = outcome.kind === 'refused' ? pauseAfterRefusalMs : 0;
      await delay(pauseMs + random.next() * pauseMsMax);
    }
  };
  const done = Promise.all(Array.from({ length: clientCount }, async (_, name) => client(name)));
  return {
    repeats: () => repeats,
    stop: async () => {
      stopping.abort();
      await done;
    },
  };
}

type Sending = {
  /** Base URL of a replica, perhaps another each time. */
  readonly url: () => string;
  readonly ledger: Ledger;
  readonly token: string | null;
  readonly key: string | null;
};

/** Sends one command, and notes before and after it what is known of it. */
export async function sendCommand(command: Command, sending: Sending): Promise<Outcome> {
  const traceparent = sending.ledger.begin(command);
  const outcome = outcomeOf(command, await attempt(command, traceparent, sending));
  sending.ledger.settle(traceparent, outcome);
  return outcome;
}

/** Sends a command until it is known what became of it, and some once more: a key makes all of that one command. */
async function sendWithKey(
  command: Command,
  sending: Sending,
  { random, repeats }: { readonly random: Random; readonly repeats: Repeats },
): Promise<Outcome> {
  const traceparent = sending.ledger.begin(command);
  repeats.keyed += 1;
  let answer = await attempt(command, traceparent, sending);
  let outcome = outcomeOf(command, answer);
  let isAnswered = outcome.kind !== 'unknown';
  for (let tries = 1; !isAnswered && tries < triesMax; tries += 1) {
    await delay(tryAgainDelayMs);
    answer = await attempt(command, traceparent, sending);
    const repeated = repeatedOutcome(outcomeOf(command, answer));
    isAnswered = repeated.isAnswered;
    outcome = repeated.outcome;
    if (outcome.kind === 'acknowledged') repeats.madeKnown += 1;
  }
  if (outcome.kind === 'acknowledged' && random.chance(againShare)) {
    const again = await attempt(command, traceparent, sending);
    const unlike = unlikeAnswer(answer, again);
    if (unlike !== null) outcome = { kind: 'unexpected', answer: unlike };
    else if (isSuccess(again)) repeats.answeredAgain += 1;
  }
  sending.ledger.settle(traceparent, outcome);
  return outcome;
}

/** A refusal says nothing of an earlier try, which may still be on its way to Postgres. */
export function repeatedOutcome(outcome: Outcome): {
  readonly outcome: Outcome;
  readonly isAnswered: boolean;
} {
  if (outcome.kind !== 'refused') return { outcome, isAnswered: outcome.kind !== 'unknown' };
  const isAnswered = /^4\d\d$/.test(outcome.reason);
  return { outcome: { kind: 'unknown', reason: `repeated: ${outcome.reason}` }, isAnswered };
}

const isSuccess = (answer: Answer): answer is Answer & { readonly ok: true } =>
  answer.ok && answer.status >= 200 && answer.status < 300;

/** What is wrong about the answer to a command that was acknowledged before with the same key; null when nothing is. */
export function unlikeAnswer(first: Answer, again: Answer): string | null {
  if (!first.ok || !again.ok || again.status === 503 || again.status === 409) return null;
  const shown = ({ status, etag, text }: typeof first): string => `${status} ${etag ?? ''} ${text}`;
  return shown(first) === shown(again) ? null : `${shown(first)}; then again ${shown(again)}`;
}

async function attempt(
  { aggregate, method, id, body, ifMatch }: Command,
  traceparent: string,
  { url, token, key }: Sending,
): Promise<Answer> {
  const mediaType = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
  return send(`${url()}/${aggregate}${id === null ? '' : `/${id}`}`, {
    method,
    headers: {
      traceparent,
      ...(body === null ? {} : { 'content-type': mediaType }),
      ...(ifMatch === null ? {} : { 'if-match': `"${ifMatch}"` }),
      ...(token === null ? {} : { 'consistency-token': token }),
      ...(key === null ? {} : { 'idempotency-key': `"${key}"` }),
    },
    body: body === null ? null : JSON.stringify(body),
    timeoutMs: answerMsMax,
  });
}

/** Refusals that a client of ours has earned: it sent something wrong, or somebody else was faster. */
const earned = new Set([400, 404, 412]);

/** What an answer says about a command, or that no such answer should ever be given. */
export function outcomeOf(command: Command, answer: Answer): Outcome {
  if (!answer.ok) {
    return answer.sent
      ? { kind: 'unknown', reason: answer.reason }
      : { kind: 'refused', reason: answer.reason };
  }
  const { status, text, etag } = answer;
  if (status >= 200 && status < 300) return acknowledged(command, answer);
  if (earned.has(status)) return { kind: 'refused', reason: String(status) };
  // Only a command with a key is ever told this, and then its first try is still under way.
  if (status === 409) return { kind: 'unknown', reason: problemName(text) };
  if (status === 503) {
    const reason = problemName(text);
    return text.includes('unknown whether')
      ? { kind: 'unknown', reason }
      : { kind: 'refused', reason };
  }
  return { kind: 'unexpected', answer: `${status} ${etag ?? ''} ${text}` };
}

function acknowledged(
  command: Command,
  { status, text, etag, headers }: Answer & { ok: true },
): Outcome {
  const version = Number(/^"(\d+)"$/.exec(etag ?? '')?.[1]);
  const { id } =
    command.method === 'DELETE' ? command : (JSON.parse(text) as { readonly id: string });
  const token = headers['consistency-token'];
  if (id === null || !Number.isInteger(version) || typeof token !== 'string') {
    return { kind: 'unexpected', answer: `${status} ${JSON.stringify(headers)} ${text}` };
  }
  return { kind: 'acknowledged', id, version, token };
}

function problemName(text: string): string {
  return /"urn:cqrs:problem:([a-z-]+)"/.exec(text)?.[1] ?? '503';
}
