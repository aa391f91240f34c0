import { setTimeout as delay } from 'node:timers/promises';
import { CqrsError } from '@cqrs/contract/errors.ts';
import type { Session } from './session.ts';
import { checkTopicsKept } from './topic-decision.ts';
import { readTopicsTaken } from './topics-taken.ts';

/** How long a loss that no publishing runs into may stay unseen. */
const topicCheckPeriodMs = 30_000;

/**
 * Looks now and then whether Kafka still holds what it acknowledged, because a relay without events to publish would
 * not notice that a topic is gone. Rejects with CQRS_TOPIC_LOST; resolves when told to stop.
 */
export async function watchTopics(session: Session, stop: AbortSignal): Promise<void> {
  for (;;) {
    await delay(topicCheckPeriodMs, undefined, { signal: stop }).catch(() => undefined);
    if (stop.aborted) return;
    // Copied before asking: what is acknowledged meanwhile may be behind the answer.
    const published = new Map(session.published);
    const taken = await readTopicsTaken(session.kafka, [...published.keys()]).catch(ofKafkaAway);
    if (taken === undefined) continue;
    checkTopicsKept({ service: session.config.service, published, taken });
  }
}

/** A Kafka that is away loses nothing by that, and whoever publishes says so. */
function ofKafkaAway(error: unknown): undefined {
  if (error instanceof CqrsError && error.code === 'CQRS_PUBLISH_FAILED') return undefined;
  throw error;
}
