import type { EventRecord } from './event-record.ts';
import { noteTopics } from './note-topics.ts';
import type { Outgoing, OutgoingLimits } from './outgoing.ts';
import type { Session } from './session.ts';
import { firstEvents } from './topic-decision.ts';

/**
 * A batch stays below the megabyte that Kafka takes by default, and is sent as soon as the one before is acknowledged:
 * it holds what came in meanwhile, so it is one event when little happens and a thousand when much does.
 */
export const outgoingLimits: OutgoingLimits = {
  bufferBytesMax: 2_097_152,
  batchBytesMax: 900_000,
  batchRecordsMax: 2_000,
};

/** Publishes batch after batch, one at a time, until `outgoing` ends; tells `onAcknowledged` of each. */
export async function publishEvents(
  session: Session,
  outgoing: Outgoing,
  onAcknowledged: (batch: readonly EventRecord[]) => void,
): Promise<void> {
  const { publisher, state, metrics, published } = session;
  for (let batch = await outgoing.take(); batch !== undefined; batch = await outgoing.take()) {
    metrics.bufferBytes.set(outgoing.bytes());
    metrics.batchEvents.observe(batch.length);
    const done = metrics.publishDuration.startTimer();
    await publisher.publish(batch);
    done();
    await noteTopics(session, firstEvents(batch, published));
    state.published(batch.length);
    for (const { topic } of batch) published.set(topic, (published.get(topic) ?? 0) + 1);
    onAcknowledged(batch);
  }
  metrics.bufferBytes.set(0);
}
