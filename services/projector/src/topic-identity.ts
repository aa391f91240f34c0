import { CqrsError } from '@cqrs/contract/errors.ts';
import type { TopicIds } from '@cqrs/runtime/kafka/port.ts';

/** Throws CQRS_EVENT_SOURCE_FAILED when a topic is another one than before, although its name is the same. */
export function assertSameTopics(before: TopicIds, now: TopicIds): void {
  const anew = [...before].filter(([topic, id]) => now.has(topic) && now.get(topic) !== id);
  if (anew.length === 0) return;
  const names = anew.map(([topic]) => topic).join(', ');
  throw new CqrsError(
    'CQRS_EVENT_SOURCE_FAILED',
    `Kafka has another topic of the name ${names} than a moment ago: it was deleted and made anew. It is read from its beginning; what the view knows is dropped by its version.`,
  );
}
