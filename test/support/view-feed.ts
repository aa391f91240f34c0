/** Fills a view in a real Redis through the projector's own writer, as if Kafka had brought the events. */
import type { ServiceIdentity, ViewConfig } from '@cqrs/contract/config.ts';
import { headerNames } from '@cqrs/contract/envelope.ts';
import type { Redis } from 'ioredis';
import { applyBatch } from '../../services/projector/src/apply-batch.ts';
import { planProjection } from '../../services/projector/src/projection.ts';
import { createReadStoreWriter } from '../../services/projector/src/read-store-writer.ts';

/** `state` is JSON as the event carries it; null deletes. */
type FedEvent = {
  readonly id: string;
  readonly version: number;
  readonly state: string | null;
};

export type ViewFeed = {
  /** Applies events of one aggregate in one step. */
  readonly apply: (aggregate: string, events: readonly FedEvent[]) => Promise<void>;
};

/** Begins with an empty view that counts as built. */
export async function feedView(
  redis: Redis,
  service: ServiceIdentity,
  view: ViewConfig,
): Promise<ViewFeed> {
  const writer = createReadStoreWriter(redis, service, view);
  const projection = planProjection(view);
  const topics = new Map(view.sources.map(({ aggregate, topic }) => [aggregate, topic]));
  const offsets = new Map<string, bigint>();

  const apply = async (aggregate: string, events: readonly FedEvent[]): Promise<void> => {
    const topic = topics.get(aggregate) ?? '';
    const name = `${topic}:0`;
    const first = offsets.get(topic) ?? 0n;
    const nextOffset = first + BigInt(events.length);
    const records = events.map(({ id, version, state }, place) => {
      const headers = new Map<string, string>([
        [headerNames.sequence, String(version)],
        [headerNames.lsn, '7'],
      ]);
      return {
        offset: String(first + BigInt(place)),
        key: Buffer.from(id),
        value: Buffer.from(`{"data": null, "state": ${state ?? 'null'}}`),
        timestampMs: 0,
        header: (header: string) => headers.get(header),
        headers: () => ({}),
      };
    });
    const lease = await writer.acquire({ topic, partition: 0 }, undefined);
    const { kind } = await applyBatch(
      { name, lease, writer, projection },
      {
        topic,
        partition: 0,
        fetchedOffset: first,
        nextOffset,
        highWatermark: nextOffset,
        records,
        isWanted: () => true,
        resolve: () => undefined,
      },
    );
    if (kind !== 'applied') throw new Error(`${view.name}: ${kind}`);
    offsets.set(topic, nextOffset);
  };

  const counts = new Map([...topics.values()].map((topic) => [topic, 1]));
  for (const [aggregate, topic] of topics) {
    await apply(aggregate, []);
    const name = `${topic}:0`;
    const lease = await writer.acquire({ topic, partition: 0 }, undefined);
    await writer.caughtUp(name, lease, counts);
  }
  return { apply };
}
