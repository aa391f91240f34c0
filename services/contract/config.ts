/**
 * The configuration that the operator renders into a ConfigMap, one JSON file per service program.
 * A change of a file rolls only the Deployment that mounts it.
 */
export type ServiceIdentity = { readonly namespace: string; readonly name: string };

/** A JSON Schema (2020-12) as the user wrote it. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/**
 * Behavior in code: the absolute path of a TypeScript or JavaScript module inside the command pod. What it exports is
 * the shape `Behavior` of `@cqrs/behavior`.
 */
export type BehaviorConfig = { readonly module: string };

export type AggregateConfig = {
  readonly name: string;
  readonly schema: JsonSchema;
  readonly behavior?: BehaviorConfig;
};

export type CommandConfig = {
  readonly service: ServiceIdentity;
  readonly aggregates: readonly AggregateConfig[];
};

/** `forever` and `compact` are Kafka policies; otherwise whole seconds that records are kept. */
export type Retention = 'forever' | 'compact' | { readonly seconds: number };

export type TopicConfig = {
  readonly aggregate: string;
  readonly topic: string;
  readonly partitions: number;
  readonly retention: Retention;
};

export type RelayConfig = {
  readonly service: ServiceIdentity;
  readonly slot: string;
  readonly publication: string;
  readonly topics: readonly TopicConfig[];
};

/**
 * How one source's events shape a view's document.
 * - `root`: the aggregate is the document; its id is the key. Exactly one per view, and the first.
 * - `part`: the aggregate's field `key` names the document it belongs to; shown under `as` (a list when `many`).
 * - `lookup`: the document's field `lookup` names the aggregate; shown under `as`.
 */
export type ViewSource = {
  readonly topic: string;
  readonly aggregate: string;
  /** True when the topic keeps every event, so that a missing version is a loss and not retention at work. */
  readonly gapless: boolean;
} & (
  | { readonly role: 'root' }
  | { readonly role: 'part'; readonly key: string; readonly as: string; readonly many: boolean }
  | { readonly role: 'lookup'; readonly lookup: string; readonly as: string }
);

/** `by` are fields that a list request must give; `order` are fields, `-` in front for descending. */
export type ViewIndex = { readonly by: readonly string[]; readonly order: readonly string[] };

export type ViewConfig = {
  readonly name: string;
  readonly sources: readonly ViewSource[];
  readonly indexes: readonly ViewIndex[];
  /**
   * What becomes of an event that cannot be applied. `halt` (when absent): its key stands still until it is retried,
   * other keys go on. `dead-letter`: it is copied to the view's dead-letter topic and its key goes on without it.
   */
  readonly poison?: 'halt' | 'dead-letter';
};

export type ProjectorConfig = {
  readonly service: ServiceIdentity;
  readonly views: readonly ViewConfig[];
};

export type QueryConfig = {
  readonly service: ServiceIdentity;
  readonly views: readonly ViewConfig[];
  /** The schema of each source aggregate by its topic, as far as the operator knows it: for the API's description. */
  readonly schemas?: { readonly [topic: string]: JsonSchema };
};
