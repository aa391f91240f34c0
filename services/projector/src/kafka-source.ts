import { CqrsError } from '@cqrs/contract/errors.ts';
import { openRecordSource } from '@cqrs/runtime/kafka/platformatic/record-source.ts';
import type { RecordSource } from '@cqrs/runtime/kafka/port.ts';

/** The port to Kafka, whose failures all say that Kafka does not serve the projector. */
export function createKafkaSource(brokers: readonly string[]): RecordSource {
  const source = openRecordSource({ brokers, clientId: 'cqrs-projector' });
  return {
    existing: (topics) => orSourceFailure(source.existing(topics)),
    offsets: (topic) => orSourceFailure(source.offsets(topic)),
    topicIds: (topics) => orSourceFailure(source.topicIds(topics)),
    consume: async (groupId, topics, handlers) => {
      const consumption = await orSourceFailure(source.consume(groupId, topics, handlers));
      return {
        failure: () => {
          const failure = consumption.failure();
          return failure === undefined ? undefined : sourceFailure(failure);
        },
        stop: consumption.stop,
      };
    },
    close: source.close,
  };
}

async function orSourceFailure<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (cause) {
    throw sourceFailure(cause);
  }
}

function sourceFailure(cause: unknown): CqrsError {
  if (cause instanceof CqrsError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new CqrsError(
    'CQRS_EVENT_SOURCE_FAILED',
    `Kafka does not serve the projector (${reason}); it tries again by itself, see whether the brokers run and are reachable.`,
    cause,
  );
}
