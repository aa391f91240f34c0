import { CqrsError } from '@cqrs/contract/errors.ts';
import type { Aggregate } from './aggregate.ts';
import {
  decide,
  versionAfter,
  type Change,
  type Command,
  type Current,
  type Refusal,
} from './decide.ts';
import { keyInProgress, keyReused, type Once, type Remembered } from './idempotency.ts';
import { brokenConstraint } from './store-failure.ts';
import { nothingLoaded, type Append, type Appended, type Session, type Store } from './store.ts';

/** A command found nothing to change; a version of 0 means that there is nothing. */
type Unchanged = {
  readonly kind: 'unchanged';
  readonly id: string;
  readonly version: number;
};

export type Decision = Change | Unchanged | Refusal;

/** What a request asks for, whoever decides it. */
export type Intent = {
  readonly aggregate: Aggregate;
  readonly id: string;
  /** The id was made for this command, so nothing can be stored under it. */
  readonly isNew: boolean;
  readonly traceparent: string | null;
  readonly once: Once | null;
  /** May be asked again, when another writer was faster. */
  readonly decide: (current: Current) => Decision | Promise<Decision>;
};

type Written = {
  readonly kind: 'written';
  readonly change: Change['change'];
  readonly id: string;
  readonly version: number;
};

export type Outcome = Written | Unchanged | Refusal;

/** The intent of a declarative command. */
export function intentOf(command: Command, once: Once | null): Intent {
  const { aggregate, id, traceparent, kind } = command;
  const isNew = kind === 'create';
  return { aggregate, id, isNew, traceparent, once, decide: (of) => decide(command, of) };
}

/**
 * load → decide → append. The first try is optimistic; one that lost against another writer runs again holding the
 * aggregate's row, so an aggregate busy in many replicas is a queue in Postgres and no command fails for want of luck.
 */
export async function handleCommand(
  store: Store,
  intent: Intent,
  newId: () => string,
): Promise<Outcome> {
  const key = { aggregate: intent.aggregate.name, id: intent.id };
  const loaded = intent.isNew ? nothingLoaded : await store.load(key);
  if (loaded === null) return noRoom();
  const { current, done } = loaded;
  try {
    const first = await attempt(store, { intent, current }, newId);
    if (first.kind !== 'outrun') return first;
    const second = await store.locked(key, async (held) =>
      attempt(held, { intent, current: await held.load() }, newId),
    );
    if (second.kind !== 'outrun') return second;
  } finally {
    done();
  }
  throw new CqrsError(
    'CQRS_WRITE_STORE_FAILED',
    `The ${key.aggregate} ${key.id} changed under its own lock; somebody else writes to or deletes from cqrs.aggregate.`,
  );
}

type Attempted = Outcome | { readonly kind: 'outrun' };

async function attempt(
  session: Session,
  { intent, current }: { readonly intent: Intent; readonly current: Current },
  newId: () => string,
): Promise<Attempted> {
  const { aggregate, id, traceparent, once } = intent;
  const key = { aggregate: aggregate.name, id };
  const decision = await intent.decide(current);
  if (decision.kind !== 'change') return firstAnswerOr(decision, session, intent);
  const eventIds = decision.events.map(newId);
  const append = { ...key, change: decision, eventIds, traceparent, once };
  const appended = await appendOrSay(session, append);
  switch (appended.kind) {
    case 'written':
      return { kind: 'written', change: decision.change, id, version: versionAfter(decision) };
    case 'outrun':
      return { kind: 'outrun' };
    case 'remembered':
      return answerAgain(once, appended.as);
    case 'busy':
      return once === null ? { kind: 'outrun' } : keyInProgress(once);
    case 'too-large':
      return tooLarge(intent);
  }
}

/** A command that was applied before may look wrong now, because of what it did: then its first answer holds. */
async function firstAnswerOr<T extends Unchanged | Refusal>(
  decision: T,
  session: Session,
  { aggregate, once }: Intent,
): Promise<T | Outcome> {
  const remembered = once === null ? undefined : await session.recall(aggregate.name, once.key);
  return remembered === undefined ? decision : answerAgain(once, remembered);
}

function answerAgain(once: Once | null, remembered: Remembered): Outcome {
  const { fingerprint, change, id, version } = remembered;
  if (once !== null && fingerprint !== once.fingerprint) return keyReused(once);
  return { kind: 'written', change, id, version };
}

async function appendOrSay(
  session: Session,
  of: Append,
): Promise<Appended | { readonly kind: 'too-large' }> {
  try {
    return await session.append(of);
  } catch (error) {
    const constraint = brokenConstraint(error);
    // Postgres writes 1e300 as 301 digits, so only it can tell how large the event is.
    if (constraint === 'event_payload_fits_a_record') return { kind: 'too-large' };
    // The same key was committed while this statement ran.
    if (constraint === 'idempotency_key_once') return { kind: 'busy' };
    throw error;
  }
}

function noRoom(): Refusal {
  return {
    kind: 'refused',
    code: 'overloaded',
    detail:
      'The states in hand take all the memory that this replica has for them; this command has changed nothing.',
  };
}

function tooLarge({ aggregate, id }: Intent): Refusal {
  return {
    kind: 'refused',
    code: 'body-too-large',
    detail: `The event of ${aggregate.name} ${id} would not fit a Kafka record; split the aggregate.`,
  };
}
