/** The port filled by kafkajs, which the programs used before: kept to compare with, in promises and in figures. */
import { connect } from 'node:net';
import type { KafkaAddress } from '@cqrs/runtime/kafka/port.ts';
import { Kafka, logLevel } from 'kafkajs';
import type { KafkaClient } from '../kafka-client.ts';
import { openPublisher } from './record-publisher.ts';
import { openRecordSource } from './record-source.ts';
import { openTopicAdmin } from './topic-admin.ts';

const connectMsMax = 3_000;
const requestMsMax = 10_000;
/** Few, as in the other client: what stays away longer ends the session. */
const retry = { initialRetryTime: 100, maxRetryTime: 1_000, retries: 4 };

function connectKafka({ brokers, clientId }: KafkaAddress): Kafka {
  return new Kafka({
    brokers: [...brokers],
    clientId,
    connectionTimeout: connectMsMax,
    requestTimeout: requestMsMax,
    enforceRequestTimeout: true,
    retry,
    logLevel: logLevel.NOTHING,
    socketFactory: ({ host, port, onConnect }) =>
      connect({ host, port, noDelay: true, keepAlive: true }, onConnect),
  });
}

export const kafkajsClient: KafkaClient = {
  openPublisher: (address) => openPublisher(connectKafka(address), retry),
  openRecordSource: (address) => openRecordSource(connectKafka(address), retry),
  openTopicAdmin: (address) => openTopicAdmin(connectKafka(address), retry),
};
