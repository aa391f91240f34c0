import type { ErrorCode } from '@cqrs/contract/errors.ts';
import type { Reason } from '../../api/v1alpha1/conditions.ts';

/** What each error that holds up a projector comes to, by its code; `remedies` says what to do about it. */
export const projectorReasons = {
  CQRS_CONFIG_INVALID: 'ProjectorMisconfigured',
  CQRS_ENV_MISSING: 'ProjectorMisconfigured',
  CQRS_TOPIC_MISSING: 'TopicMissing',
  CQRS_EVENT_SOURCE_FAILED: 'EventSourceFailing',
  CQRS_READ_STORE_FAILED: 'ReadStoreFailing',
  CQRS_DEAD_LETTER_FAILED: 'DeadLetterFailing',
  CQRS_PROJECTION_FAILED: 'ProjectionFailing',
} as const satisfies Partial<Record<ErrorCode, Reason>>;

/** What each error that halts a partition comes to, by its code. */
export const haltReasons = {
  CQRS_VERSION_GAP: 'VersionGap',
  CQRS_EVENTS_EXPIRED: 'EventsExpired',
  CQRS_POSITION_AHEAD: 'PositionAhead',
  CQRS_PROJECTION_FAILED: 'ProjectionHalted',
  CQRS_EVENT_MALFORMED: 'ProjectionHalted',
} as const satisfies Partial<Record<ErrorCode, Reason>>;
