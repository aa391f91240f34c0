import { setTimeout as delay } from 'node:timers/promises';
import { drawCommand, type Command } from './commands.ts';
import { send, type Answer } from './http.ts';
import type { Ledger, Outcome } from './ledger.ts';
import { createRandom, seedFor } from './random.ts';
import type { WriteName } from './topology.ts';

/** More than the rate needs: some wait for an answer that a fault holds back. */
const clientCount = 16;
const commandsPerSecond = 70;
const answerMsMax = 25_000;
const pauseAfterRefusalMs = 100;

export type Clients = {
  /** Lets each client finish the command that it has begun. */
  readonly stop: () => Promise<void>;
};

/** Sends the seed's commands at a moderate rate; each client goes on with its next when the last one is answered. */
export function startClients(options: {
  readonly seed: number;
  readonly ledger: Ledger;
  /** Base URLs of a service's command replicas, those that are down too. */
  readonly urls: (service: WriteName) => readonly string[];
}): Clients {
  const { seed, ledger, urls } = options;
  const stopping = new AbortController();
  const pauseMsMax = (2 * 1000 * clientCount) / commandsPerSecond;

  const client = async (name: number): Promise<void> => {
    const random = createRandom(seedFor(seed, `client ${name}`));
    const versions = new Map<string, number>();
    while (!stopping.signal.aborted) {
      const command = drawCommand(random, (aggregate, id) => versions.get(`${aggregate} ${id}`));
      const outcome = await sendCommand(random.pick(urls(command.service)), command, ledger);
      if (outcome.kind === 'acknowledged') {
        versions.set(`${command.aggregate} ${outcome.id}`, outcome.version);
      }
      const pauseMs = outcome.kind === 'refused' ? pauseAfterRefusalMs : 0;
      await delay(pauseMs + random.next() * pauseMsMax);
    }
  };
  const done = Promise.all(Array.from({ length: clientCount }, async (_, name) => client(name)));
  return {
    stop: async () => {
      stopping.abort();
      await done;
    },
  };
}

/** Sends one command, and notes before and after it what is known of it. */
export async function sendCommand(url: string, command: Command, ledger: Ledger): Promise<Outcome> {
  const { aggregate, method, id, body, ifMatch } = command;
  const traceparent = ledger.begin(command);
  const mediaType = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
  const answer = await send(`${url}/${aggregate}${id === null ? '' : `/${id}`}`, {
    method,
    headers: {
      traceparent,
      ...(body === null ? {} : { 'content-type': mediaType }),
      ...(ifMatch === null ? {} : { 'if-match': `"${ifMatch}"` }),
    },
    body: body === null ? null : JSON.stringify(body),
    timeoutMs: answerMsMax,
  });
  const outcome = outcomeOf(command, answer);
  ledger.settle(traceparent, outcome);
  return outcome;
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
  if (status === 503) {
    const reason = problemName(text);
    return text.includes('unknown whether')
      ? { kind: 'unknown', reason }
      : { kind: 'refused', reason };
  }
  return { kind: 'unexpected', answer: `${status} ${etag ?? ''} ${text}` };
}

function acknowledged(command: Command, { status, text, etag }: Answer & { ok: true }): Outcome {
  const version = Number(/^"(\d+)"$/.exec(etag ?? '')?.[1]);
  const { id } =
    command.method === 'DELETE' ? command : (JSON.parse(text) as { readonly id: string });
  if (id === null || !Number.isInteger(version)) {
    return { kind: 'unexpected', answer: `${status} ${etag ?? ''} ${text}` };
  }
  return { kind: 'acknowledged', id, version };
}

function problemName(text: string): string {
  return /"urn:cqrs:problem:([a-z-]+)"/.exec(text)?.[1] ?? '503';
}
