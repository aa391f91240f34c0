import type { CqrsService, Source } from '../api/v1alpha1/schema.ts';
import type { QueryService } from '../api/v1alpha1/service-kinds.ts';

export type Siblings = ReadonlyMap<string, CqrsService>;

/** A source whose owner or aggregate is not there now. */
export type UnresolvedSource = {
  readonly view: string;
  readonly service: string;
  readonly aggregate: string;
  readonly reason: 'SourceServiceMissing' | 'SourceAggregateMissing';
  readonly message: string;
};

/** The CqrsService that owns a source's aggregate; undefined when there is none of that name. */
export function ownerOf(
  service: CqrsService,
  source: Source,
  siblings: Siblings,
): CqrsService | undefined {
  return ownerName(service, source) === service.metadata.name
    ? service
    : siblings.get(ownerName(service, source));
}

/** The name of the CqrsService that owns a source's aggregate, whether it is there or not. */
export function ownerName(service: CqrsService, source: Source): string {
  return source.service ?? service.metadata.name;
}

/** Names of the other services whose events this one reads, each once and sorted. */
export function sourceServices(service: CqrsService): readonly string[] {
  const names = (service.spec.query?.views ?? [])
    .flatMap((view) => view.sources)
    .map((source) => ownerName(service, source))
    .filter((name) => name !== service.metadata.name);
  return [...new Set(names)].toSorted();
}

/** The sources that admission could not judge and that do not exist, in the order of the spec. */
export function unresolvedSources(
  service: QueryService,
  siblings: Siblings,
): readonly UnresolvedSource[] {
  return service.spec.query.views.flatMap((view) =>
    view.sources.flatMap((source) => {
      const found = { view: view.name, service: ownerName(service, source) };
      const problem = missing(service, source, siblings);
      return problem === undefined
        ? []
        : [{ ...found, aggregate: source.aggregate, ...messageOf(problem, view.name, source) }];
    }),
  );
}

function missing(
  service: CqrsService,
  source: Source,
  siblings: Siblings,
): UnresolvedSource['reason'] | undefined {
  const owner = ownerOf(service, source, siblings);
  if (owner === undefined) return 'SourceServiceMissing';
  const aggregates = owner.spec.aggregates ?? [];
  return aggregates.some(({ name }) => name === source.aggregate)
    ? undefined
    : 'SourceAggregateMissing';
}

function messageOf(
  reason: UnresolvedSource['reason'],
  view: string,
  source: Source,
): Pick<UnresolvedSource, 'reason' | 'message'> {
  const message =
    reason === 'SourceServiceMissing'
      ? `View ${view} reads from the CqrsService ${source.service}, which does not exist in this namespace.`
      : `View ${view} reads the aggregate ${source.aggregate}, which the CqrsService ${source.service} does not have.`;
  return { reason, message };
}
