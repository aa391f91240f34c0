import { expect, test } from 'vitest';
import { ordersSpec, wholeService } from '../../api/v1alpha1/example-services.ts';
import type { CqrsServiceStatus } from '../../api/v1alpha1/schema.ts';
import { exampleObserved, gone } from './example-observed.ts';
import type { Observed } from './observe.ts';
import { statusOf } from './status.ts';
import { eventsBetween } from './transitions.ts';

const orders = wholeService('orders', ordersSpec);
const healthy = exampleObserved(orders);

function status(changes: Partial<Observed> = {}, before?: CqrsServiceStatus): CqrsServiceStatus {
  const service = before === undefined ? orders : { ...orders, status: before };
  return statusOf({ service, observed: { ...healthy, ...changes }, refusals: [], nowMs: 0 });
}

function relaySays(errorCode: string): Observed['readings'] {
  const views = [] as const;
  const relay = [
    { outcome: 'answered', error: 'gone', errorCode, streaming: false, views },
  ] as const;
  return { ...healthy.readings, relay };
}

function told(before: CqrsServiceStatus | undefined, after: CqrsServiceStatus): readonly string[] {
  return eventsBetween(before, after).map(({ type, reason }) => `${type} ${reason}`);
}

const starting = status({
  workloads: {},
  readings: {},
  metricsApi: { state: 'absent', message: '' },
});
const well = status();
const scaled = status({
  autoscaler: {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'orders-query' },
    status: { desiredReplicas: 4, conditions: [{ type: 'ScalingActive', status: 'True' }] },
  },
});
const holding = (replicas = 0): CqrsServiceStatus =>
  status({ floor: { replicas, readsPerSecond: 812 } });
const noPostgres = status({ workloads: { ...healthy.workloads, postgres: gone } }, well);
const nothingRuns = status({
  workloads: { ...healthy.workloads, postgres: gone, relay: gone },
  readings: relaySays('CQRS_REPLICATION_FAILED'),
});
const relayLost = status({ readings: relaySays('CQRS_REPLICATION_FAILED') }, well);
const slotLost = status({ readings: relaySays('CQRS_SLOT_LOST') }, well);
const schemaProblems = [{ aggregate: 'order', message: 'The schema is bad.' }];
const neverMade = status({ schemaProblems, workloads: {}, readings: {} });
const spoiled = status({ schemaProblems }, well);

test.each([
  {
    when: 'the first schema is invalid',
    before: undefined,
    after: neverMade,
    events: ['Warning SchemaInvalid'],
  },
  { when: 'it still is', before: neverMade, after: neverMade, events: [] },
  { when: 'it was mended', before: neverMade, after: starting, events: ['Normal Created'] },
  {
    when: 'a later schema is invalid',
    before: well,
    after: spoiled,
    events: ['Warning SchemaInvalid'],
  },
  { when: 'the later one was mended', before: spoiled, after: well, events: ['Normal Ready'] },
  { when: 'the first pass', before: undefined, after: starting, events: ['Normal Created'] },
  { when: 'nothing changed', before: well, after: well, events: [] },
  { when: 'the parts look for each other', before: starting, after: nothingRuns, events: [] },
  {
    when: 'the relay alone was lost',
    before: well,
    after: relayLost,
    events: ['Warning RelayNotStreaming'],
  },
  {
    when: 'the relay waits for a migration',
    before: well,
    after: status({ readings: relaySays('CQRS_MIGRATION_PENDING') }, well),
    events: [],
  },
  {
    when: 'the relay was lost with its store',
    before: well,
    after: nothingRuns,
    events: ['Warning PostgresNotReady'],
  },
  { when: 'it still starts', before: starting, after: starting, events: [] },
  { when: 'it became ready', before: starting, after: well, events: ['Normal Ready'] },
  { when: 'the HPA scaled', before: well, after: scaled, events: ['Normal Scaled'] },
  {
    when: 'a store was lost',
    before: well,
    after: noPostgres,
    events: ['Warning PostgresNotReady'],
  },
  { when: 'it is still lost', before: noPostgres, after: noPostgres, events: [] },
  { when: 'it came back', before: noPostgres, after: well, events: ['Normal Ready'] },
  { when: 'the slot was lost', before: well, after: slotLost, events: ['Warning SlotLost'] },
])('$when: $events', ({ before, after, events }) => {
  expect(told(before, after)).toEqual(events);
});

test('an invalid schema is told in whole, though every stage speaks of it', () => {
  const [event] = eventsBetween(undefined, neverMade);
  expect(event?.note).toContain('The schema is bad. Nothing is made until it is mended.');
});

test.each([
  [undefined, 8, 'Reads burst to 812 per second: the autoscaler keeps at least 8 query pods.'],
  [4, 8, 'Reads burst to 812 per second: the autoscaler keeps at least 8 query pods.'],
  [8, 4, 'The burst fades: the autoscaler keeps at least 4 query pods.'],
  [4, undefined, 'The burst is over: the autoscaler alone decides how many query pods there are.'],
])('a burst that held %s pods and now holds %s is told', (before, after, note) => {
  const events = eventsBetween(holding(before), holding(after));
  expect(events.map((event) => event.note)).toEqual([note]);
});

test('scaling is told with its numbers', () => {
  const [event] = eventsBetween(well, scaled);
  expect(event?.note).toBe('Query pods went from 1 to 4 at 0 reads per second.');
});
