import type { RelayConfig } from '@cqrs/contract/config.ts';
import type { Logger } from '@cqrs/runtime/logger.ts';
import type { Tracing } from '@cqrs/runtime/telemetry/tracing.ts';
import type { createRecordMaker } from './event-record.ts';
import type { KafkaAddress, RecordPublisher } from '@cqrs/runtime/kafka/port.ts';
import type { Metrics } from './metrics.ts';
import type { PositionStore } from './position-store.ts';
import type { PostgresAddress } from './postgres-connection.ts';
import type { RelayState } from './relay-state.ts';
import type { Replication } from './replication.ts';
import type { Epoch } from './slot-decision.ts';

export type Relay = {
  readonly config: RelayConfig;
  readonly postgres: PostgresAddress;
  readonly kafka: KafkaAddress;
  readonly state: RelayState;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Undefined while nothing is traced. */
  readonly tracing: Tracing | undefined;
};

/** What one session works with, from its connections to its end. */
export type Session = Relay & {
  readonly replication: Replication;
  readonly positions: PositionStore;
  readonly publisher: RecordPublisher;
  readonly epoch: Epoch;
  /** Events that Kafka has acknowledged since the event table was last begun with, by topic. */
  readonly published: Map<string, number>;
  /** Kafka's ids of the topics that they went to. */
  readonly topicIds: Map<string, string>;
  readonly toRecord: ReturnType<typeof createRecordMaker>;
};
