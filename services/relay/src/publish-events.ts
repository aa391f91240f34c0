import type { EventRecord } from './event-record.ts';
import type { Metrics } from './metrics.ts';
import type { Outgoing, OutgoingLimits } from './outgoing.ts';
import type { RecordPublisher } from '@cqrs/runtime/kafka/port.ts';
import type { RelayState } from './relay-state.ts';

/**
 * A batch stays below the megabyte that Kafka takes by default, and is sent as soon as the one before is acknowledged:
 * it holds what came in meanwhile, so it is one event when little happens and a thousand when much does.
 */
export const outgoingLimits: OutgoingLimits = {
  bufferBytesMax: 2_097_152,
  batchBytesMax: 900_000,
  batchRecordsMax: 2_000,
};

export type PublishingParts = {
  readonly publisher: RecordPublisher;
  readonly state: RelayState;
  readonly metrics: Metrics;
  readonly published: Map<string, number>;
};

/** Publishes batch after batch, one at a time, until `outgoing` ends; tells `onAcknowledged` of each. */
export async function publishEvents(
  { publisher, state, metrics, published }: PublishingParts,
  outgoing: Outgoing,
  onAcknowledged: (batch: readonly EventRecord[]) => void,
): Promise<void> {
  for (let batch = await outgoing.take(); batch !== undefined; batch = await outgoing.take()) {
    metrics.bufferBytes.set(outgoing.bytes());
    metrics.batchEvents.observe(batch.length);
    const done = metrics.publishDuration.startTimer();
    await publisher.publish(batch);
    done();
    state.published(batch.length);
    for (const { topic } of batch) published.set(topic, (published.get(topic) ?? 0) + 1);
    onAcknowledged(batch);
  }
  metrics.bufferBytes.set(0);
}
