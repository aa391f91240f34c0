import { CqrsError } from '@cqrs/contract/errors.ts';
import { setTimeout as delay } from 'node:timers/promises';
import { columnPositions, type ColumnPositions, type EventRecord } from './event-record.ts';
import { formatLsn, type Lsn } from './lsn.ts';
import { createOutgoing, type Outgoing } from './outgoing.ts';
import type { ServerMessage } from './pgoutput.ts';
import { outgoingLimits, publishEvents } from './publish-events.ts';
import type { Session } from './session.ts';
import type { WalStream } from './replication.ts';
import { createSignal, type Signal } from './signal.ts';
import { Watermark } from './watermark.ts';

/** Each confirmation costs a durable write, and what is not confirmed is published twice after a crash. */
const confirmIntervalMs = 250;
/**
 * An idle server's WAL is worth a write only when much of it is held back: the write itself adds some, which would
 * otherwise be the reason for the next one, for ever.
 */
const idleConfirmBytesMin = 1_048_576n;

/** What flows from the WAL to Kafka while one session streams. */
type Flow = {
  readonly session: Session;
  readonly wal: WalStream;
  readonly outgoing: Outgoing;
  readonly watermark: Watermark;
  /** The watermark may have risen. */
  readonly moved: Signal;
};

/**
 * Three loops at once: decode what arrives, publish it, and confirm what Kafka has acknowledged. The first that fails
 * ends the session; told to stop, decoding ends first, then publishing, and the last confirmation covers it all.
 */
export async function streamWal(session: Session, from: Lsn, stop: AbortSignal): Promise<void> {
  const wal = await session.replication.start(session.config, from, stop);
  const flow: Flow = {
    session,
    wal,
    outgoing: createOutgoing(outgoingLimits),
    watermark: new Watermark(from),
    moved: createSignal(),
  };
  session.state.streaming(formatLsn(from));
  const published = new AbortController();
  const publish = async (): Promise<void> => {
    await publishEvents(session, flow.outgoing, (batch) => {
      session.metrics.eventAge.observe(ageSeconds(batch));
      flow.watermark.acknowledge(batch.length);
      flow.moved.notify();
    });
    published.abort();
    flow.moved.notify();
  };
  await Promise.all([decode(flow, stop), publish(), confirm(flow, from, published.signal)]);
}

async function decode(flow: Flow, stop: AbortSignal): Promise<void> {
  const { watermark, session, wal, outgoing, moved } = flow;
  const tables = new Map<number, ColumnPositions>();
  let commitLsn = 0n;
  let index = 0;
  const take = (message: ServerMessage): Promise<void> | undefined => {
    switch (message.kind) {
      case 'relation': {
        const positions = columnPositions(message);
        if (positions !== undefined) tables.set(message.oid, positions);
        return undefined;
      }
      case 'begin':
        watermark.begin();
        commitLsn = message.commitLsn;
        index = 0;
        return undefined;
      case 'insert': {
        const positions = tables.get(message.oid);
        if (positions === undefined) return undefined;
        watermark.event();
        const record = session.toRecord(message.values, positions, { commitLsn, index });
        index += 1;
        return outgoing.push(record);
      }
      case 'commit':
        watermark.commit(message.endLsn);
        return undefined;
      case 'keepalive':
        watermark.serverReached(message.walEnd);
        return undefined;
      case 'other':
        return undefined;
    }
  };
  for await (const messages of wal.messages) {
    for (const message of messages) await take(message);
    moved.notify();
  }
  outgoing.end();
  if (!stop.aborted) {
    throw new CqrsError('CQRS_REPLICATION_FAILED', 'Postgres ended the replication stream.');
  }
}

async function confirm(flow: Flow, from: Lsn, published: AbortSignal): Promise<void> {
  const { watermark, session, wal, moved } = flow;
  const { config, positions, epoch, published: counts, topicIds, state } = session;
  let confirmed = from;
  let eventsConfirmed = 0;
  let walEnd = from;
  for (;;) {
    await moved.wait();
    const last = published.aborted;
    const { value, acknowledged, inFlight } = watermark;
    const idle = acknowledged === eventsConfirmed;
    if (value > confirmed && (!idle || value - confirmed >= idleConfirmBytesMin)) {
      // First our own record, then the slot: a slot that is ahead of the record can only be somebody else's doing.
      const position = { lsn: value, published: counts, topicIds };
      walEnd = await positions.write(config.slot, epoch, position);
      wal.confirm(value);
      confirmed = value;
      eventsConfirmed = acknowledged;
    }
    state.lag(inFlight === 0 || walEnd < value ? 0 : Number(walEnd - value));
    if (last) return;
    await delay(confirmIntervalMs, undefined, { signal: published }).catch(() => undefined);
  }
}

function ageSeconds([oldest]: readonly EventRecord[]): number {
  return oldest === undefined ? 0 : Math.max(0, Date.now() - oldest.timestampMs) / 1000;
}
