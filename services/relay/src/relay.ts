import type { RelayConfig } from '@cqrs/contract/config.ts';
import { CqrsError } from '@cqrs/contract/errors.ts';
import { setTimeout as delay } from 'node:timers/promises';
import { createRecordMaker } from './event-record.ts';
import { findTopics } from './found-topics.ts';
import type { Lsn } from './lsn.ts';
import { openPositionStore } from './position-store.ts';
import { withPublishSpans } from './publish-spans.ts';
import { publishTable } from './publish-table.ts';
import { openPublisher } from './publisher.ts';
import { openReplication } from './replication.ts';
import { retryDelayMs } from './retry-delay.ts';
import type { Relay, Session } from './session.ts';
import { decideSlot } from './slot-decision.ts';
import { streamWal } from './stream-wal.ts';
import { checkTopicsKept, idsOf } from './topic-decision.ts';
import { ensureTopics } from './topics.ts';
import { watchTopics } from './watch-topics.ts';

/**
 * Carries committed events from Postgres to Kafka until told to stop. Whatever fails ends the session with all its
 * connections, and the next one starts from what is durable: there is no other way to recover from anything.
 */
export async function runRelay(relay: Relay, stop: AbortSignal): Promise<void> {
  let failures = 0;
  while (!stop.aborted) {
    try {
      await runSession(relay, stop);
    } catch (error) {
      if (stop.aborted) return;
      const failure = asCqrsError(error);
      failures = relay.state.status().streaming ? 1 : failures + 1;
      relay.state.failed(failure);
      const delayMs = retryDelayMs(failure.code, failures, Math.random());
      await delay(delayMs, undefined, { signal: stop }).catch(() => undefined);
    }
  }
}

async function runSession(relay: Relay, stop: AbortSignal): Promise<void> {
  const { config, kafka, state } = relay;
  const lost = createLoss();
  await using positions = openPositionStore(relay.postgres, lost.report);
  await using replication = openReplication(relay.postgres, lost.report);
  const work = async (): Promise<void> => {
    await replication.lock(config.slot);
    const server = await replication.identify();
    const facts = await positions.observe(config);
    state.lag(facts.record === null ? 0 : Number(facts.walEnd - facts.record.lsn));
    const { service, slot } = config;
    const decision = decideSlot({ ...facts, ...server, service, name: slot });
    const published = new Map(facts.record?.published);
    const kept = { service, published, topicIds: facts.record?.topicIds ?? new Map() };
    checkTopicsKept({ ...kept, found: await findTopics(kafka, [...published.keys()]) });

    await ensureTopics(kafka, config.topics);
    const found = await findTopics(kafka, topicNames(config, published));
    checkTopicsKept({ ...kept, found });
    await using publisher = withPublishSpans(await openPublisher(kafka), relay.tracing);
    const toRecord = createRecordMaker(service, topicsByAggregate(config), Date.now);
    const session: Session = {
      ...relay,
      replication,
      positions,
      publisher,
      epoch: { ...server, gated: facts.gated, publicationEntry: facts.publicationEntry },
      published,
      topicIds: idsOf({ published, found }),
      toRecord,
    };

    const from =
      decision.action === 'begin'
        ? await publishTable(session, { ...facts, ...decision }, stop)
        : await resumeFrom(session, decision.from);
    const ended = new AbortController();
    const streamed = streamWal(session, from, stop).finally(() => ended.abort());
    await Promise.race([streamed, watchTopics(session, ended.signal)]);
  };
  await Promise.race([work(), lost.promise]);
}

/** Notes ids that an earlier release did not: a relay that has nothing to publish would not write its record. */
async function resumeFrom(
  { positions, config, epoch, published, topicIds }: Session,
  from: Lsn,
): Promise<Lsn> {
  await positions.write(config.slot, epoch, { lsn: from, published, topicIds });
  return from;
}

/** Those of now, and those of aggregates that are not declared any more. */
function topicNames(
  { topics }: RelayConfig,
  published: ReadonlyMap<string, number>,
): readonly string[] {
  return [...new Set([...topics.map(({ topic }) => topic), ...published.keys()])];
}

function topicsByAggregate({ topics }: RelayConfig): ReadonlyMap<string, string> {
  return new Map(topics.map(({ aggregate, topic }) => [aggregate, topic]));
}

/**
 * Rejects when one of the connections ends. A server that shuts down ends the ordinary one first and then waits for us
 * to let go of the other. The delay lets a statement's own error, which says more, be first.
 */
function createLoss() {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => undefined);
  const error = new CqrsError('CQRS_REPLICATION_FAILED', 'A connection to Postgres ended.');
  return { promise, report: () => void setImmediate(() => reject(error)) };
}

function asCqrsError(error: unknown): CqrsError {
  if (error instanceof CqrsError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new CqrsError(
    'CQRS_REPLICATION_FAILED',
    `Reading the WAL failed: ${reason}. Nothing is lost: the relay tries again.`,
    error,
  );
}
