import type { CqrsService } from '../api/v1alpha1/schema.ts';

/** References of the container images, and when a node asks their registry; as the chart's values say. */
export type Images = {
  readonly services: string;
  readonly postgres: string;
  readonly kafka: string;
  readonly redis: string;
  readonly pullPolicy: PullPolicy;
};

export type PullPolicy = 'IfNotPresent' | 'Always' | 'Never';

/** What the builders need beside the CqrsService itself. */
export type ResourceContext = {
  readonly images: Images;
  /** The pino level of the service programs. */
  readonly logLevel: string;
  /** The CqrsServices of the namespace by name, for what a view reads from others. */
  readonly siblings: ReadonlyMap<string, CqrsService>;
};
