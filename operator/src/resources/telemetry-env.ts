import type { CqrsService } from '../api/v1alpha1/schema.ts';
import { childName, type Component } from './names.ts';
import type { ProgramEnvVar } from './program-env.ts';

/** Where a program sends its traces, in the names of the OpenTelemetry specification; nothing without `telemetry`. */
export function telemetryEnv(service: CqrsService, component: Component): ProgramEnvVar[] {
  const { telemetry } = service.spec;
  if (telemetry === undefined) return [];
  const { endpoint, headersSecret } = telemetry.otlp;
  const { namespace } = service.metadata;
  const resource = {
    'service.name': childName(service, component),
    'service.namespace': namespace,
    'k8s.namespace.name': namespace,
  };
  return [
    { name: 'OTEL_EXPORTER_OTLP_ENDPOINT', value: endpoint },
    ...(headersSecret === undefined
      ? []
      : [
          {
            name: 'OTEL_EXPORTER_OTLP_HEADERS',
            valueFrom: { secretKeyRef: { name: headersSecret.name, key: headersSecret.key } },
          } as const,
        ]),
    // A caller that has decided already is followed, so that a trace is whole or not there at all.
    { name: 'OTEL_TRACES_SAMPLER', value: 'parentbased_traceidratio' },
    { name: 'OTEL_TRACES_SAMPLER_ARG', value: `${telemetry.sampleRatio}` },
    {
      name: 'OTEL_RESOURCE_ATTRIBUTES',
      value: Object.entries(resource)
        .map(([name, value]) => `${name}=${value}`)
        .join(','),
    },
  ];
}
