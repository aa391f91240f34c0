import type { ServiceIdentity } from '@cqrs/contract/config.ts';
import { CqrsError } from '@cqrs/contract/errors.ts';
import { republish } from './republish-command.ts';

export type TopicFacts = {
  readonly service: ServiceIdentity;
  /** Events that Kafka has acknowledged, by topic, from the relay's record. */
  readonly published: ReadonlyMap<string, number>;
  /** Records that each topic has ever taken (the sum of its end offsets); a topic that does not exist is not in it. */
  readonly taken: ReadonlyMap<string, number>;
};

/**
 * Compares what Kafka acknowledged with what it has. End offsets outlive retention and compaction, so fewer records than
 * acknowledged events means that a topic was deleted, emptied or replaced, or that its end was lost. Repeated records
 * can hide as many lost ones. Throws CQRS_TOPIC_LOST.
 */
export function checkTopicsKept({ service, published, taken }: TopicFacts): void {
  for (const [topic, events] of published) {
    const records = taken.get(topic);
    if (records !== undefined && records >= events) continue;
    const what = records === undefined ? 'does not exist' : `has taken ${records} records`;
    throw new CqrsError(
      'CQRS_TOPIC_LOST',
      `Kafka has acknowledged ${events} events of the topic ${topic}, and now it ${what}: it was deleted, or this is another Kafka. ${republish(service)}`,
    );
  }
}
