import { CqrsError } from '@cqrs/contract/errors.ts';
import { decide, neverWritten, type Change, type Command, type Refusal } from './decide.ts';
import { brokenConstraint } from './store-failure.ts';
import type { Append, Session, Store } from './store.ts';

type Written = {
  readonly kind: 'written';
  readonly change: Change['change'];
  readonly id: string;
  readonly version: number;
};

export type Outcome = Written | Refusal;

/**
 * load → decide → append. The first try is optimistic; one that lost against another writer runs again holding the
 * aggregate's row, so an aggregate busy in many replicas is a queue in Postgres and no command fails for want of luck.
 */
export async function handleCommand(
  store: Store,
  command: Command,
  eventId: () => string,
): Promise<Outcome> {
  const first = await attempt(store, command, eventId());
  if (first.kind !== 'outrun') return first;
  const key = { aggregate: command.aggregate.name, id: command.id };
  const second = await store.locked(key, async (held) => attempt(held, command, eventId()));
  if (second.kind !== 'outrun') return second;
  throw new CqrsError(
    'CQRS_WRITE_STORE_FAILED',
    `The ${key.aggregate} ${key.id} changed under its own lock; somebody else writes to or deletes from cqrs.aggregate.`,
  );
}

async function attempt(
  session: Session,
  command: Command,
  eventId: string,
): Promise<Outcome | { readonly kind: 'outrun' }> {
  const { aggregate, id, traceparent } = command;
  const key = { aggregate: aggregate.name, id };
  const current = command.kind === 'create' ? neverWritten : await session.load(key);
  const change = decide(command, current);
  if (change.kind === 'refused') return change;
  const applied = await append(session, { ...key, change, eventId, traceparent });
  if (applied === 'too-large') return tooLarge(command);
  if (applied === 'outrun') return { kind: 'outrun' };
  return { kind: 'written', change: change.change, id, version: change.expectedVersion + 1 };
}

async function append(session: Session, of: Append): Promise<'applied' | 'outrun' | 'too-large'> {
  try {
    return (await session.append(of)) ? 'applied' : 'outrun';
  } catch (error) {
    // Postgres writes 1e300 as 301 digits, so only it can tell how large the event is.
    if (brokenConstraint(error) === 'event_payload_fits_a_record') return 'too-large';
    throw error;
  }
}

function tooLarge({ aggregate, id }: Command): Refusal {
  return {
    kind: 'refused',
    code: 'body-too-large',
    detail: `The event of ${aggregate.name} ${id} would not fit a Kafka record; split the aggregate.`,
  };
}
