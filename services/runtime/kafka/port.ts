/**
 * All that the programs ask of Kafka. What a client must promise is written here and held by
 * test/conformance/kafka-client.suite.ts; services/designs/0005-kafka-client.md says which client fills it and why.
 */
export type KafkaAddress = { readonly brokers: readonly string[]; readonly clientId: string };

/** One record to publish. Its key decides the partition, as Kafka's Java client does it (murmur2). */
export type OutgoingRecord = {
  readonly topic: string;
  /** Without one it goes to the first partition. */
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string | Buffer>>;
  readonly timestampMs: number;
};

/**
 * Publishes in order, acknowledged by all replicas in sync. One call at a time. After an error nobody knows which records
 * Kafka has, the publisher is spent, and whoever repeats must repeat from the first record of that call.
 */
export type RecordPublisher = AsyncDisposable & {
  readonly publish: (batch: readonly OutgoingRecord[]) => Promise<void>;
};

export type TopicPartition = { readonly topic: string; readonly partition: number };

/** Offsets that a partition holds: from `low`, up to but without `high`. */
export type PartitionOffsets = {
  readonly partition: number;
  readonly low: bigint;
  readonly high: bigint;
};

/** One record as it was read. Headers are looked for when asked: most readers need few of them. */
export type FetchedRecord = {
  /** Decimal. */
  readonly offset: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly timestampMs: number;
  /** The text of the last header of that name; undefined when there is none. */
  readonly header: (name: string) => string | undefined;
  readonly headers: () => Readonly<Record<string, Buffer>>;
};

export type FetchedBatch = TopicPartition & {
  /** The offset that was asked for; records may begin later where offsets are sparse. */
  readonly fetchedOffset: bigint;
  /** Where reading goes on behind this batch. */
  readonly nextOffset: bigint;
  readonly highWatermark: bigint;
  readonly records: readonly FetchedRecord[];
  /** False once a seek, a pause, a new assignment or the end has made this batch worthless. */
  readonly isWanted: () => boolean;
  /** Reading goes on behind this batch; one that is not resolved is handed over again. */
  readonly resolve: () => void;
};

/** What may be done to a partition that is assigned; a partition that is not ignores it. */
export type ConsumerControls = {
  readonly seek: (where: TopicPartition, offset: bigint) => void;
  readonly pause: (where: TopicPartition) => void;
  readonly resume: (where: TopicPartition) => void;
};

export type ConsumerHandlers = {
  /** Called at every (re)assignment, with all partitions. A partition is read from its first `seek` on. */
  readonly onAssigned: (partitions: readonly TopicPartition[], controls: ConsumerControls) => void;
  /** One batch of a partition at a time, in order; the next may already be fetched. An error ends the consumption. */
  readonly onBatch: (batch: FetchedBatch) => Promise<void>;
  /** The broker gave only records that a reader does not see (transaction markers); reading goes on at `nextOffset`. */
  readonly onSkipped: (where: TopicPartition, nextOffset: bigint) => void;
};

export type Consumption = {
  /** The error that ended the consumer; undefined while it runs. */
  readonly failure: () => Error | undefined;
  readonly stop: () => Promise<void>;
};

/** By topic. */
export type TopicIds = ReadonlyMap<string, string>;

/** Reads topics as a member of a group. Nothing is ever committed to Kafka: positions live with their effect. */
export type RecordSource = {
  /** Which of these topics exist. */
  readonly existing: (topics: readonly string[]) => Promise<readonly string[]>;
  readonly offsets: (topic: string) => Promise<readonly PartitionOffsets[]>;
  /**
   * Kafka's own id of each of these topics, which must exist: a topic that is deleted and made again gets another one,
   * and its offsets begin anew. Asked of the broker each time. Empty when the client cannot know.
   */
  readonly topicIds: (topics: readonly string[]) => Promise<TopicIds>;
  readonly consume: (
    groupId: string,
    topics: readonly string[],
    handlers: ConsumerHandlers,
  ) => Promise<Consumption>;
  readonly close: () => Promise<void>;
};

export type TopicSettings = Readonly<Record<string, string>>;

export type TopicDescription = {
  readonly topic: string;
  readonly partitions: number;
  /** Every setting in force, whether the topic's own or the broker's. */
  readonly settings: TopicSettings;
};

export type TopicAdmin = AsyncDisposable & {
  readonly existing: (topics: readonly string[]) => Promise<readonly string[]>;
  /** As many replicas as the broker's own default says. Resolves when the topics can be written. */
  readonly create: (topics: readonly TopicDescription[]) => Promise<void>;
  readonly describe: (topics: readonly string[]) => Promise<readonly TopicDescription[]>;
  /** Changes these settings of a topic and no others. */
  readonly change: (topic: string, settings: TopicSettings) => Promise<void>;
  readonly delete: (topics: readonly string[]) => Promise<void>;
};
