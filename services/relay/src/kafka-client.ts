import type { Logger } from '@cqrs/runtime/logger.ts';
import { Kafka, logLevel, type KafkaConfig } from 'kafkajs';

export type KafkaAddress = { readonly brokers: readonly string[]; readonly clientId: string };

const connectMsMax = 3_000;
const requestMsMax = 10_000;

const pinoLevels = {
  [logLevel.ERROR]: 'debug',
  [logLevel.WARN]: 'debug',
  [logLevel.INFO]: 'debug',
  [logLevel.DEBUG]: 'trace',
} as const;

/** A client whose own log lines go to ours as details: what matters of them reaches us as errors too. */
export function connectKafka(
  { brokers, clientId }: KafkaAddress,
  logger: Logger,
  retry: NonNullable<KafkaConfig['retry']>,
): Kafka {
  return new Kafka({
    brokers: [...brokers],
    clientId,
    connectionTimeout: connectMsMax,
    requestTimeout: requestMsMax,
    enforceRequestTimeout: true,
    retry,
    logLevel: logLevel.WARN,
    logCreator:
      () =>
      ({ level, log: { message, ...log } }) => {
        if (level === logLevel.NOTHING) return;
        logger[pinoLevels[level]]({ kafkajs: log['error'] ?? message }, 'The Kafka client says');
      },
  });
}
