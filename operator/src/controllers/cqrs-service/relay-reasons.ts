import type { ErrorCode } from '@cqrs/contract/errors.ts';
import type { Reason } from '../../api/v1alpha1/conditions.ts';

/** What each error that a relay tells comes to, by its code; `remedies` says what to do about it. */
export const relayReasons = {
  CQRS_CONFIG_INVALID: 'RelayMisconfigured',
  CQRS_ENV_MISSING: 'RelayMisconfigured',
  CQRS_REPLICATION_FAILED: 'RelayNotStreaming',
  CQRS_MIGRATION_PENDING: 'MigrationPending',
  CQRS_SLOT_BUSY: 'SlotBusy',
  CQRS_SLOT_LOST: 'SlotLost',
  CQRS_SLOT_AHEAD: 'SlotAhead',
  CQRS_PUBLICATION_LOST: 'PublicationLost',
  CQRS_TIMELINE_CHANGED: 'TimelineChanged',
  CQRS_PGOUTPUT_MALFORMED: 'PgoutputMalformed',
  CQRS_PUBLISH_FAILED: 'PublishFailed',
  CQRS_TOPIC_MISMATCH: 'TopicMismatch',
  CQRS_TOPIC_LOST: 'TopicLost',
  CQRS_EVENT_MALFORMED: 'EventMalformed',
  CQRS_AGGREGATE_UNDECLARED: 'AggregateUndeclared',
} as const satisfies Partial<Record<ErrorCode, Reason>>;
