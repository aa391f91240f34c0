import { kafkaClientSuite } from '../conformance/kafka-client.suite.ts';
import { platformaticClient } from '../conformance/platformatic-client.ts';

kafkaClientSuite('platformatic', platformaticClient);
