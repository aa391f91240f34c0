import type { CqrsService } from '../api/v1alpha1/schema.ts';

/** References of the container images, and when a node asks their registry; as the chart's values say. */
export type Images = {
  readonly services: string;
  readonly postgres: string;
  readonly kafka: string;
  readonly redis: string;
  readonly pullPolicy: PullPolicy;
  /** Names of Secrets to pull all of them with; each namespace needs its own. */
  readonly pullSecrets: readonly string[];
};

export type PullPolicy = 'IfNotPresent' | 'Always' | 'Never';

/** What the builders need beside the CqrsService itself. */
export type ResourceContext = {
  readonly images: Images;
  /** The pino level of the service programs. */
  readonly logLevel: string;
  /** The CqrsServices of the namespace by name, for what a view reads from others. */
  readonly siblings: ReadonlyMap<string, CqrsService>;
  /** What the pods read only once and no ConfigMap of ours holds. */
  readonly outside: {
    /** A hash of each behavior's module, by the aggregate's name. */
    readonly behaviors: Readonly<Record<string, string>>;
    /** A hash of the key that signs consistency tokens. */
    readonly tokenKey: string;
  };
};
