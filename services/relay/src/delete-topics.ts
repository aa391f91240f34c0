import { createLogger } from '@cqrs/runtime/logger.ts';
import { kafkaAddress, relayConfig } from './settings.ts';
import { deleteTopics } from './topics.ts';

/**
 * A program that the operator runs once when a service is deleted with `deletionPolicy: Delete`. It exits with 0 when
 * the topics of its configuration are gone, and with 1 when that is not known; then it may simply run again.
 */
const timeoutMs = 60_000;

const logger = createLogger('delete-topics', process.env);
setTimeout(() => {
  logger.error({ timeoutMs }, 'Kafka did not answer in time');
  process.exit(1);
}, timeoutMs).unref();

try {
  const config = relayConfig(process.env);
  const deleted = await deleteTopics(kafkaAddress(process.env, config), config.topics);
  logger.info({ deleted, asked: config.topics.length }, 'The topics are gone');
} catch (error) {
  logger.error({ err: error }, 'Failed to delete the topics');
  process.exitCode = 1;
}
