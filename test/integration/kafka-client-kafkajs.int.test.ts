import { kafkaClientSuite } from '../conformance/kafka-client.suite.ts';
import { kafkajsClient } from '../conformance/kafkajs/kafkajs-client.ts';

kafkaClientSuite('kafkajs', kafkajsClient);
