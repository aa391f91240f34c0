import { ownPositions } from './event-record.ts';
import type { Lsn } from './lsn.ts';
import { createOutgoing } from './outgoing.ts';
import { outgoingLimits, publishEvents } from './publish-events.ts';
import type { Session } from './session.ts';

/** Events that were committed before the slot existed have no place in its stream; this stands for it. */
const beforeTheSlot: Lsn = 0n;

/**
 * Makes the slot anew and publishes every event that is in the table at its starting point, so that what was committed
 * before the slot existed is not lost. Only then is the first record written: ended before, it all begins again.
 */
export async function publishTable(
  session: Session,
  slotOptions: { readonly dropFirst: boolean; readonly serverVersion: number },
  stop: AbortSignal,
): Promise<Lsn> {
  const { config, replication, positions, epoch, published, topicIds, logger } = session;
  const snapshot = await replication.createSlot(config.slot, slotOptions);
  const outgoing = createOutgoing(outgoingLimits);
  let index = 0;
  const readTable = async (): Promise<void> => {
    const aggregates = config.topics.map(({ aggregate }) => aggregate);
    for await (const tuples of snapshot.events(aggregates, stop)) {
      for (const tuple of tuples) {
        await outgoing.push(
          session.toRecord(tuple, ownPositions, { commitLsn: beforeTheSlot, index }),
        );
        index += 1;
      }
    }
    outgoing.end();
  };
  await Promise.all([readTable(), publishEvents(session, outgoing, () => undefined)]);
  stop.throwIfAborted();
  await snapshot.close();
  await positions.create(config.slot, epoch, { lsn: snapshot.lsn, published, topicIds });
  logger.info({ events: index }, 'Published the events that were there before the slot');
  return snapshot.lsn;
}
