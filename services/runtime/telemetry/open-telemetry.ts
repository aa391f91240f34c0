import {
  diag,
  DiagLogLevel,
  ROOT_CONTEXT,
  SpanKind as OtelKind,
  SpanStatusCode,
  trace,
  type Context,
  type Link,
  type SpanContext,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  defaultResource,
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  AlwaysOnSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { setTimeout as delay } from 'node:timers/promises';
import type { Env } from '../config.ts';
import type { Logger } from '../logger.ts';
import { samplerOf } from './sampler.ts';
import { semanticNames } from './semantic-names.ts';
import type { Span, SpanKind, SpanStart, Tracing } from './tracing.ts';

/** Spans that wait for the collector: beyond that they are dropped, and nothing waits for them. */
const spansWaitingMax = 4_096;
const spansPerExportMax = 512;
const exportDelayMs = 1_000;
const exportTimeoutMs = 5_000;
const closeMsMax = 3_000;
/** A collector that is away fails with every export. */
const complaintPeriodMs = 60_000;

const kinds: Readonly<Record<SpanKind, OtelKind>> = {
  server: OtelKind.SERVER,
  client: OtelKind.CLIENT,
  producer: OtelKind.PRODUCER,
  consumer: OtelKind.CONSUMER,
};

/** Spans by OpenTelemetry's SDK, sent as OTLP over HTTP. Where to and with which headers, the exporter reads from the environment. */
export function createTracing(program: string, env: Env, logger: Logger): Tracing {
  complainTo(logger);
  const sampler = samplerOf(env);
  if (sampler === undefined) {
    const given = { sampler: env['OTEL_TRACES_SAMPLER'], argument: env['OTEL_TRACES_SAMPLER_ARG'] };
    logger.warn(given, 'No such sampler of traces; taking parentbased_always_on');
  }
  const provider = new TracerProvider({
    sampler: sampler ?? new ParentBasedSampler({ root: new AlwaysOnSampler() }),
    resource: defaultResource()
      .merge(resourceFromAttributes({ [semanticNames.serviceName]: `cqrs-${program}` }))
      .merge(detectResources({ detectors: [resourceAttributesEnvDetector] })),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: new OTLPTraceExporter({ timeoutMillis: exportTimeoutMs }),
        maxQueueSize: spansWaitingMax,
        maxExportBatchSize: spansPerExportMax,
        scheduledDelayMillis: exportDelayMs,
        exportTimeoutMillis: exportTimeoutMs,
      }),
    ],
  });
  const tracer = provider.getTracer(`cqrs-${program}`);
  const start = ({ name, kind, parent, links = [], attributes }: SpanStart): Span => {
    const span = tracer.startSpan(
      name,
      { kind: kinds[kind], attributes, links: links.flatMap(linkTo) },
      contextOf(parent),
    );
    const context = span.spanContext();
    return {
      traceparent: traceparentOf(context),
      traceId: context.traceId,
      isSampled: span.isRecording(),
      end: ({ attributes: more = {}, error } = {}) => {
        span.setAttributes(more);
        if (error !== undefined) {
          span.setAttribute(semanticNames.errorType, error);
          span.setStatus({ code: SpanStatusCode.ERROR });
        }
        span.end();
      },
    };
  };
  const close = async (): Promise<void> => {
    const stopped = provider.shutdown().catch(() => undefined);
    await Promise.race([stopped, delay(closeMsMax, undefined, { ref: false })]);
  };
  return { start, close };
}

const ignore = (): void => undefined;

/** The SDK tells of its failures here; none of them is ours to fail for. */
function complainTo(logger: Logger): void {
  let complainedMs = -Infinity;
  const complain = (message: string): void => {
    const nowMs = performance.now();
    if (nowMs - complainedMs < complaintPeriodMs) return;
    complainedMs = nowMs;
    logger.warn({ reason: message }, 'Traces cannot be sent');
  };
  const sink = { error: complain, warn: complain, info: ignore, debug: ignore, verbose: ignore };
  diag.setLogger(sink, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
}

/** W3C Trace Context, version 00; later versions begin in the same way. */
const traceparentParts = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})/;

function spanContextOf(traceparent: string): SpanContext | undefined {
  const [, traceId, spanId, flags] = traceparentParts.exec(traceparent) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
}

function contextOf(traceparent: string | null): Context {
  const spanContext = traceparent === null ? undefined : spanContextOf(traceparent);
  return spanContext === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, spanContext);
}

function linkTo(traceparent: string): Link[] {
  const context = spanContextOf(traceparent);
  return context === undefined ? [] : [{ context }];
}

function traceparentOf({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}
