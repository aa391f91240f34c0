import { headerNames } from '@cqrs/contract/envelope.ts';
import type { FetchedBatch } from '@cqrs/runtime/kafka/port.ts';
import { semanticNames } from '@cqrs/runtime/telemetry/semantic-names.ts';
import { isSampled } from '@cqrs/runtime/telemetry/traceparent.ts';
import type { Tracing } from '@cqrs/runtime/telemetry/tracing.ts';

/** Of a batch of a thousand, so many events tell for the others when they became visible. */
const linksMax = 32;

/**
 * Applies a batch below a span that is linked to the commands of its recorded traces; of a single trace it is a part. A
 * batch without any leaves none. `apply` says what became of it, which ends the span.
 */
export async function withApplySpan<Outcome extends { readonly kind: string }>(
  tracing: Tracing | undefined,
  { view, batch }: { readonly view: string; readonly batch: FetchedBatch },
  apply: () => Promise<Outcome>,
): Promise<Outcome> {
  const links = tracing === undefined ? [] : tracesIn(batch);
  const [first] = links;
  if (tracing === undefined || first === undefined) return apply();
  const span = tracing.start({
    name: `process ${batch.topic}`,
    kind: 'consumer',
    parent: links.every((link) => traceIdOf(link) === traceIdOf(first)) ? first : null,
    links,
    attributes: {
      [semanticNames.messagingSystem]: 'kafka',
      [semanticNames.messagingOperation]: 'process',
      [semanticNames.destination]: batch.topic,
      [semanticNames.partition]: String(batch.partition),
      [semanticNames.messageCount]: batch.records.length,
      [semanticNames.view]: view,
    },
  });
  try {
    const outcome = await apply();
    span.end(outcome.kind === 'applied' ? {} : { error: outcome.kind });
    return outcome;
  } catch (error) {
    span.end({ error: error instanceof Error ? error.name : 'unknown' });
    throw error;
  }
}

function tracesIn({ records }: FetchedBatch): readonly string[] {
  const traces = new Set<string>();
  for (const record of records) {
    if (traces.size === linksMax) break;
    const traceparent = record.header(headerNames.traceparent);
    if (traceparent !== undefined && isSampled(traceparent)) traces.add(traceparent);
  }
  return [...traces];
}

function traceIdOf(traceparent: string): string | undefined {
  return traceparent.split('-')[1];
}
