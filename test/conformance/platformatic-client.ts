import { openPublisher } from '@cqrs/runtime/kafka/platformatic/record-publisher.ts';
import { openRecordSource } from '@cqrs/runtime/kafka/platformatic/record-source.ts';
import { openTopicAdmin } from '@cqrs/runtime/kafka/platformatic/topic-admin.ts';
import type { KafkaClient } from './kafka-client.ts';

/** The client that the programs use. */
export const platformaticClient: KafkaClient = { openPublisher, openRecordSource, openTopicAdmin };
