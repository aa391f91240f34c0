import { parse } from 'yaml';
import { exampleService, ordersSpec } from '../../operator/src/api/v1alpha1/example-services.ts';
import { hasQuery, type QueryService } from '../../operator/src/api/v1alpha1/service-kinds.ts';
import type { Autoscaling } from './options.ts';

export type ReadService =
  | { readonly ok: true; readonly service: QueryService }
  | { readonly ok: false; readonly problem: string };

/** The CqrsService to be scaled: the one of a YAML text, or one with the defaults; `autoscaling` wins over what it says. */
export function readService(yaml: string | undefined, autoscaling: Autoscaling): ReadService {
  try {
    const { name, spec } =
      yaml === undefined ? { name: 'orders', spec: ordersSpec } : written(yaml);
    const service = exampleService(name, spec);
    if (!hasQuery(service))
      return { ok: false, problem: `${name} has no spec.query: nobody reads it` };
    const { query } = service.spec;
    const merged = { ...query.autoscaling, ...autoscaling };
    const { minReplicas, maxReplicas } = merged;
    if (minReplicas > maxReplicas) {
      const problem = `minReplicas (${minReplicas}) exceeds maxReplicas (${maxReplicas}): lower the first or raise the second`;
      return { ok: false, problem };
    }
    const scaledSpec = { ...service.spec, query: { ...query, autoscaling: merged } };
    return { ok: true, service: { ...service, spec: scaledSpec } };
  } catch (error) {
    return { ok: false, problem: error instanceof Error ? error.message : String(error) };
  }
}

type Written = { readonly name: string; readonly spec: { readonly [field: string]: unknown } };

function written(yaml: string): Written {
  const document: unknown = parse(yaml);
  const { kind, metadata, spec } = (document ?? {}) as {
    readonly kind?: unknown;
    readonly metadata?: { readonly name?: string };
    readonly spec?: Written['spec'];
  };
  if (kind !== 'CqrsService' || spec === undefined) {
    throw new TypeError('not a CqrsService with a spec: give the file of one');
  }
  return { name: metadata?.name ?? 'service', spec };
}
