import { CqrsError } from '@cqrs/contract/errors.ts';
import { openPublisher as openRecordPublisher } from '@cqrs/runtime/kafka/platformatic/record-publisher.ts';
import type { KafkaAddress, RecordPublisher } from '@cqrs/runtime/kafka/port.ts';

/** The port to Kafka, whose failures all say that the relay begins again. At most one batch is under way at any time. */
export async function openPublisher(address: KafkaAddress): Promise<RecordPublisher> {
  const publisher = await openRecordPublisher(address).catch((cause: unknown) => {
    throw failed('Kafka is out of reach', cause);
  });
  return {
    publish: (batch) =>
      publisher.publish(batch).catch((cause: unknown) => {
        throw failed(`Kafka did not acknowledge ${batch.length} events`, cause);
      }),
    [Symbol.asyncDispose]: () => publisher[Symbol.asyncDispose](),
  };
}

function failed(what: string, cause: unknown): CqrsError {
  const reason = cause instanceof Error ? `: ${cause.message}` : '';
  return new CqrsError(
    'CQRS_PUBLISH_FAILED',
    `${what}${reason}. Nothing is lost: the relay starts again from what Kafka acknowledged.`,
    cause,
  );
}
