import type { CqrsService, CqrsServiceStatus } from '../../api/v1alpha1/schema.ts';
import { hasCommand, hasQuery } from '../../api/v1alpha1/service-kinds.ts';
import { floorReplicas } from '../../scaling/floor.ts';
import { commandUrl, queryUrl } from '../../resources/names.ts';
import type { Observed } from './observe.ts';
import { viewsOf } from './stage-check.ts';
import { lagText, twoDigits, worstLag, type Lag, type ViewReading } from './stage-reading.ts';

type Columns = Pick<CqrsServiceStatus, 'command' | 'query' | 'projection'>;

/** What `kubectl get cqrs` shows in columns; a side that the service does not have has none. */
export function statusColumns(service: CqrsService, observed: Observed): Columns {
  const projection = projectionOf(service, observed);
  return {
    ...(hasCommand(service) && { command: commandOf(service, observed) }),
    ...(hasQuery(service) && { query: queryOf(service, observed) }),
    ...(hasQuery(service) && projection && { projection }),
  };
}

function commandOf(service: CqrsService, { workloads }: Observed): NonNullable<Columns['command']> {
  const { ready = 0, desired = service.spec.command?.replicas } = workloads.command ?? {};
  return { ready: `${ready}/${desired}`, url: commandUrl(service) };
}

function queryOf(service: CqrsService, observed: Observed): NonNullable<Columns['query']> {
  const { ready = 0, desired = 0 } = observed.workloads.query ?? {};
  return {
    ready: `${ready}/${desired}`,
    url: queryUrl(service),
    // An autoscaler that has not looked yet shows 0.
    desiredReplicas: observed.autoscaler?.status?.desiredReplicas || desired,
    readsPerSecond: readsPerSecondOf(observed, service.status?.query?.readsPerSecond),
    ...burstOf(service, observed),
  };
}

function burstOf(
  { spec, status }: CqrsService,
  { floor }: Observed,
): Pick<NonNullable<Columns['query']>, 'burst'> {
  const autoscaling = spec.query?.autoscaling;
  if (autoscaling === undefined || spec.suspend) return {};
  const replicas = floorReplicas(floor, autoscaling);
  if (replicas <= autoscaling.minReplicas) return {};
  // An operator that has just started knows the pods from the HPA, and the reads only from here.
  const reads = Math.round(floor.readsPerSecond) || status?.query?.burst?.readsPerSecond;
  return { burst: { replicas, readsPerSecond: reads ?? 0 } };
}

// A number that is not fresh only stands in until there is one, as after a restart of the operator.
function readsPerSecondOf({ demand, workloads }: Observed, before = 0): number {
  if (demand.state === 'fresh') return twoDigits(demand.readsPerSecond);
  return (workloads.query?.ready ?? 0) > 0 ? before : 0;
}

// Nobody to ask is no news: the last lag stands, and ProjectionCaughtUp says that nobody was asked.
function projectionOf(service: CqrsService, { readings }: Observed): Columns['projection'] {
  const views = viewsOf(readings.projector);
  const lag: Lag | undefined = worstLag(views);
  if (lag === undefined) return service.status?.projection;
  return { lag: lagText(lag), ...lag, views: views.map(viewOf).toSorted(byName) };
}

type ViewColumns = NonNullable<Columns['projection']>['views'][number];

function viewOf(reading: ViewReading): ViewColumns {
  const { view, lagEvents, lagSeconds, halted, haltedKeys, behind } = reading;
  return {
    name: view,
    lagEvents,
    lagSeconds,
    haltedPartitions: halted.length,
    haltedKeys,
    behind: [...behind],
  };
}

function byName(one: ViewColumns, other: ViewColumns): number {
  return one.name < other.name ? -1 : 1;
}
