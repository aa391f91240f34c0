import type { ServiceIdentity } from '@cqrs/contract/config.ts';
import { CqrsError } from '@cqrs/contract/errors.ts';
import { republish } from './republish-command.ts';

/** A topic as Kafka has it now. */
export type FoundTopic = {
  /** Kafka's own: a topic that is deleted and made anew gets another one. Undefined where the client cannot know. */
  readonly id: string | undefined;
  /** Records that it has ever taken (the sum of its end offsets). */
  readonly taken: number;
};

export type TopicFacts = {
  readonly service: ServiceIdentity;
  /** Events that Kafka has acknowledged, by topic, from the relay's record. */
  readonly published: ReadonlyMap<string, number>;
  /** The ids of the topics that these events went to, as far as the record has them. */
  readonly topicIds: ReadonlyMap<string, string>;
  /** By name; a topic that does not exist is not in it. */
  readonly found: ReadonlyMap<string, FoundTopic>;
};

/**
 * Compares what Kafka acknowledged with what it has. Another id, or fewer records than acknowledged events (end offsets
 * outlive retention and compaction) means that a topic was deleted, emptied or replaced, or that its end was lost.
 * Within one topic repeated records can hide as many lost ones. Throws CQRS_TOPIC_LOST.
 */
export function checkTopicsKept({ service, published, topicIds, found }: TopicFacts): void {
  for (const [topic, events] of published) {
    if (events === 0) continue;
    const what = lossOf(found.get(topic), { events, id: topicIds.get(topic) });
    if (what === undefined) continue;
    throw new CqrsError(
      'CQRS_TOPIC_LOST',
      `Kafka has acknowledged ${events} events of the topic ${topic}, and now it ${what}: it was deleted, or this is another Kafka. ${republish(service)}`,
    );
  }
}

function lossOf(
  found: FoundTopic | undefined,
  before: { readonly events: number; readonly id: string | undefined },
): string | undefined {
  if (found === undefined) return 'does not exist';
  if (found.taken < before.events) return `has taken ${found.taken} records`;
  const isKnown = found.id !== undefined && before.id !== undefined;
  return isKnown && found.id !== before.id ? 'is another one of the same name' : undefined;
}

/** The ids to begin a session with. A topic that nothing was published to may be made anew at no loss, so it has none. */
export function idsOf({
  published,
  found,
}: Pick<TopicFacts, 'published' | 'found'>): Map<string, string> {
  const ids = new Map<string, string>();
  for (const [topic, events] of published) {
    const id = found.get(topic)?.id;
    if (events > 0 && id !== undefined) ids.set(topic, id);
  }
  return ids;
}

/** How many events of a batch are the first of their topic, by topic. */
export function firstEvents(
  batch: readonly { readonly topic: string }[],
  published: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const first = new Map<string, number>();
  for (const { topic } of batch) {
    if ((published.get(topic) ?? 0) === 0) first.set(topic, (first.get(topic) ?? 0) + 1);
  }
  return first;
}
