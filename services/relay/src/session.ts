import type { RelayConfig } from '@cqrs/contract/config.ts';
import type { Logger } from '@cqrs/runtime/logger.ts';
import type { createRecordMaker } from './event-record.ts';
import type { KafkaAddress } from './kafka-client.ts';
import type { Metrics } from './metrics.ts';
import type { PositionStore } from './position-store.ts';
import type { PostgresAddress } from './postgres-connection.ts';
import type { Publisher } from './publisher.ts';
import type { RelayState } from './relay-state.ts';
import type { Replication } from './replication.ts';

export type Relay = {
  readonly config: RelayConfig;
  readonly postgres: PostgresAddress;
  readonly kafka: KafkaAddress;
  readonly state: RelayState;
  readonly metrics: Metrics;
  readonly logger: Logger;
};

/** What one session works with, from its connections to its end. */
export type Session = Relay & {
  readonly replication: Replication;
  readonly positions: PositionStore;
  readonly publisher: Publisher;
  readonly systemIdentifier: string;
  readonly toRecord: ReturnType<typeof createRecordMaker>;
};
