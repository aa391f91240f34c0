import { ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import { SamplingDecision } from '@opentelemetry/sdk-trace';
import { expect, test } from 'vitest';
import { samplerOf } from './sampler.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const recordedParent = trace.setSpanContext(ROOT_CONTEXT, {
  traceId,
  spanId: 'b7ad6b7169203331',
  traceFlags: 1,
});

const decisionOf = (isRecorded: boolean): SamplingDecision =>
  isRecorded ? SamplingDecision.RECORD_AND_SAMPLED : SamplingDecision.NOT_RECORD;

test.each([
  [undefined, undefined, true, true],
  ['always_on', undefined, true, true],
  ['always_off', undefined, false, false],
  ['traceidratio', '0', false, false],
  ['traceidratio', '1', true, true],
  ['parentbased_always_on', '', true, true],
  ['parentbased_always_off', undefined, false, true],
  ['parentbased_traceidratio', '0', false, true],
  ['parentbased_traceidratio', undefined, true, true],
])('%s %s records a root: %s, below a recorded parent: %s', (name, argument, root, child) => {
  const sampler = samplerOf({ OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: argument });
  const decide = (parent: typeof ROOT_CONTEXT) =>
    sampler?.shouldSample(parent, traceId, 'x', SpanKind.SERVER, {}, []).decision;
  expect([decide(ROOT_CONTEXT), decide(recordedParent)]).toEqual([root, child].map(decisionOf));
});

test.each([
  ['sometimes', '1'],
  ['traceidratio', 'half'],
  ['traceidratio', '1.5'],
])('there is no sampler %s %s', (name, argument) => {
  const env = { OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: argument };
  expect(samplerOf(env)).toBeUndefined();
});
