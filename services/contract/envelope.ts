/**
 * What a Kafka record of ours says. Headers follow the CloudEvents 1.0 Kafka binding in binary mode
 * (cloudevents/spec, bindings/kafka-protocol-binding.md); `ce_sequence` is the sequence extension,
 * `ce_pglsn` and `ce_pgidx` are ours: the LSN of the commit and the event's index in it.
 */
export const headerNames = {
  specversion: 'ce_specversion',
  id: 'ce_id',
  source: 'ce_source',
  type: 'ce_type',
  subject: 'ce_subject',
  time: 'ce_time',
  partitionkey: 'ce_partitionkey',
  sequence: 'ce_sequence',
  lsn: 'ce_pglsn',
  index: 'ce_pgidx',
  contentType: 'content-type',
  traceparent: 'traceparent',
} as const;

/** What a dead letter says beside the headers of the record that it copies. */
export const deadLetterHeaderNames = {
  view: 'dead-letter-view',
  /** `<topic>:<partition>` that the record was read from. */
  topicPartition: 'dead-letter-topic-partition',
  offset: 'dead-letter-offset',
  /** Why the view could not apply it, a sentence. */
  error: 'dead-letter-error',
} as const;

/** What happened to an aggregate: the suffix of an event's type (`order.created`). */
export const changeKinds = ['created', 'updated', 'deleted'] as const;
export type ChangeKind = (typeof changeKinds)[number];

/** The `ce_type` of an aggregate's event; `what` is a kind of change, or the type that the behavior gave it. */
export function eventType(aggregate: string, what: string): string {
  return `${aggregate}.${what}`;
}

/**
 * The JSON value of a record: the aggregate's whole state after the change (null once deleted, with its
 * `id` otherwise among its fields) and the event's own data (what the command carried).
 */
export type EventValue = {
  readonly state: { readonly [field: string]: unknown } | null;
  readonly data: { readonly [field: string]: unknown } | null;
};
