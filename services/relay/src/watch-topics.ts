import { setTimeout as delay } from 'node:timers/promises';
import { CqrsError } from '@cqrs/contract/errors.ts';
import { findTopics } from './found-topics.ts';
import type { Session } from './session.ts';
import { checkTopicsKept } from './topic-decision.ts';

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
    const found = await findTopics(session.kafka, [...published.keys()]).catch(ofKafkaAway);
    if (found === undefined) continue;
    const { config, topicIds } = session;
    checkTopicsKept({ service: config.service, published, topicIds, found });
  }
}

/** A Kafka that is away loses nothing by that, and whoever publishes says so. */
function ofKafkaAway(error: unknown): undefined {
  if (error instanceof CqrsError && error.code === 'CQRS_PUBLISH_FAILED') return undefined;
  throw error;
}
