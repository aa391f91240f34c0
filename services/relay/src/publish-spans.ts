import { headerNames } from '@cqrs/contract/envelope.ts';
import type { OutgoingRecord, RecordPublisher } from '@cqrs/runtime/kafka/port.ts';
import { semanticNames } from '@cqrs/runtime/telemetry/semantic-names.ts';
import { isSampled } from '@cqrs/runtime/telemetry/traceparent.ts';
import type { Span, Tracing } from '@cqrs/runtime/telemetry/tracing.ts';

/** Of a batch of a thousand, so many events tell for the others how long it took. */
const spansPerBatchMax = 32;

/**
 * A publisher that leaves a span for each event of a recorded trace, in that trace, below the command that caused it. The
 * record itself keeps the command's context, which is what a reader is caused by.
 */
export function withPublishSpans(
  publisher: RecordPublisher,
  tracing: Tracing | undefined,
): RecordPublisher {
  if (tracing === undefined) return publisher;
  return {
    publish: async (batch) => {
      const spans = startSpans(tracing, batch);
      try {
        await publisher.publish(batch);
        for (const span of spans) span.end();
      } catch (error) {
        for (const span of spans) span.end({ error: 'CQRS_PUBLISH_FAILED' });
        throw error;
      }
    },
    [Symbol.asyncDispose]: () => publisher[Symbol.asyncDispose](),
  };
}

function startSpans(tracing: Tracing, batch: readonly OutgoingRecord[]): readonly Span[] {
  const spans: Span[] = [];
  for (const { topic, headers } of batch) {
    if (spans.length === spansPerBatchMax) break;
    const header = headers[headerNames.traceparent];
    if (header === undefined) continue;
    const parent = header.toString();
    if (!isSampled(parent)) continue;
    const attributes = {
      [semanticNames.messagingSystem]: 'kafka',
      [semanticNames.messagingOperation]: 'send',
      [semanticNames.destination]: topic,
      [semanticNames.messageCount]: batch.length,
    };
    spans.push(tracing.start({ name: `send ${topic}`, kind: 'producer', parent, attributes }));
  }
  return spans;
}
