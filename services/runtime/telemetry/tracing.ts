import type { Env } from '../config.ts';
import type { Logger } from '../logger.ts';
import type { SemanticName } from './semantic-names.ts';

type Attributes = { readonly [name in SemanticName]?: string | number };

export type SpanKind = 'server' | 'client' | 'producer' | 'consumer';

/** What a span begins with. `parent` and `links` are W3C traceparents, null where there is none. */
export type SpanStart = {
  readonly name: string;
  readonly kind: SpanKind;
  readonly parent: string | null;
  readonly links?: readonly string[];
  readonly attributes: Attributes;
};

/** Something that takes time and is part of a trace. */
export type Span = {
  /** What those that it causes have as their parent. */
  readonly traceparent: string;
  /** To say beside a line in the log. */
  readonly traceId: string;
  readonly isSampled: boolean;
  /** `error` is what went wrong, in a word or a code; absent when nothing did. */
  readonly end: (outcome?: { readonly attributes?: Attributes; readonly error?: string }) => void;
};

export type Tracing = {
  readonly start: (start: SpanStart) => Span;
  /** Sends what has ended and is not sent, within a bound. */
  readonly close: () => Promise<void>;
};

/**
 * Tracing where OTEL_EXPORTER_OTLP_ENDPOINT names a collector. Elsewhere it is undefined, and no line of OpenTelemetry
 * is loaded: that takes 15 MB of a process that would make nothing of it.
 */
export async function startTracing(
  program: string,
  env: Env,
  logger: Logger,
): Promise<Tracing | undefined> {
  const endpoint = env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  if (endpoint === undefined || endpoint === '') return undefined;
  const { createTracing } = await import('./open-telemetry.ts');
  return createTracing(program, env, logger);
}
