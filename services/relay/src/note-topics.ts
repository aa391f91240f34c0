import { CqrsError } from '@cqrs/contract/errors.ts';
import { findTopics } from './found-topics.ts';
import type { Session } from './session.ts';

/**
 * Notes Kafka's ids of topics that have just acknowledged their first events, `first` of them by topic. The record has
 * these events only after this; so when a topic was made anew in between, publishing them again mends it. Should somebody
 * else have filled it within this moment, nothing can tell. Throws CQRS_PUBLISH_FAILED.
 */
export async function noteTopics(
  { kafka, topicIds }: Pick<Session, 'kafka' | 'topicIds'>,
  first: ReadonlyMap<string, number>,
): Promise<void> {
  if (first.size === 0) return;
  const found = await findTopics(kafka, [...first.keys()]);
  for (const [topic, events] of first) {
    const now = found.get(topic);
    if (now === undefined || now.taken < events) {
      throw new CqrsError(
        'CQRS_PUBLISH_FAILED',
        `Kafka does not have the first events of the topic ${topic} any more, which it has just acknowledged; they are published again.`,
      );
    }
    if (now.id !== undefined) topicIds.set(topic, now.id);
  }
}
