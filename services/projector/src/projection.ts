import type { ViewConfig, ViewSource } from '@cqrs/contract/config.ts';
import { indexEntries, indexValue, planIndexes } from '@cqrs/runtime/read-store/index-entries.ts';
import { stateField } from '@cqrs/runtime/read-store/state-field.ts';
import type { AggregateEvent } from './decode-event.ts';

/** One operation of functions.lua's `apply`, which says what each of the five is. */
export type Operation = readonly [string, string, string, string, string];

/** An event that will not be applied; id and version are '' where its record does not say them. */
type SkippedEvent = Pick<AggregateEvent, 'aggregateId' | 'version' | 'offset'>;

/** A view made ready to project: everything about it that does not change from event to event. */
export type Projection = {
  readonly view: ViewConfig;
  /** Pure: what one event of a topic does to the view; a topic may feed several of its sources. */
  readonly operations: (topic: string, event: AggregateEvent) => readonly Operation[];
  /** Pure: lets the next event of an aggregate follow without one that is among the dead letters. */
  readonly skipping: (topic: string, event: SkippedEvent) => readonly Operation[];
};

type Describe = (
  state: NonNullable<AggregateEvent['state']>,
  id: string,
) => {
  readonly json: string;
  readonly detail: string;
};

/** A field that names another aggregate; what cannot be an id ('' too) names none. */
const referencedId = (value: unknown): string => indexValue(value) ?? '';

/** The root's own fields give way to a part or lookup shown under the same name, so that no name occurs twice. */
function withoutFields(
  state: NonNullable<AggregateEvent['state']>,
  shownAs: readonly string[],
): string {
  if (!shownAs.some((name) => Object.hasOwn(state.fields, name))) {
    // An object without members may hold spaces, and functions.lua tells by its text whether a comma is needed.
    return Object.keys(state.fields).length === 0 ? '{}' : state.json;
  }
  const entries = Object.entries(state.fields).filter(([name]) => !shownAs.includes(name));
  return JSON.stringify(Object.fromEntries(entries));
}

function describeRoot(view: ViewConfig): Describe {
  const indexes = planIndexes(view.indexes);
  const shownAs = view.sources.flatMap((source) => (source.role === 'root' ? [] : [source.as]));
  const lookups = view.sources.flatMap((source) =>
    source.role === 'lookup' ? [source.lookup] : [],
  );
  const plain = indexes.length === 0 && lookups.length === 0;
  return (state, id) => ({
    json: withoutFields(state, shownAs),
    detail: plain
      ? ''
      : JSON.stringify([
          lookups.map((field) => referencedId(stateField(state.fields, field))),
          indexEntries(indexes, state.fields, id),
        ]),
  });
}

function describe(view: ViewConfig, source: ViewSource): Describe {
  switch (source.role) {
    case 'root':
      return describeRoot(view);
    case 'part':
      return (state) => ({
        json: state.json,
        detail: referencedId(stateField(state.fields, source.key)),
      });
    case 'lookup':
      return (state) => ({ json: state.json, detail: '' });
  }
}

export function planProjection(view: ViewConfig): Projection {
  const sources = view.sources.map((source, place) => ({
    topic: source.topic,
    number: String(place + 1),
    describe: describe(view, source),
  }));
  const byTopic = Map.groupBy(sources, ({ topic }) => topic);
  const sourcesOf = (topic: string): typeof sources => byTopic.get(topic) ?? [];
  return {
    view,
    operations: (topic, { aggregateId, version, state }) =>
      sourcesOf(topic).map((source) => {
        const { json, detail } =
          state === null ? { json: '', detail: '' } : source.describe(state, aggregateId);
        return [source.number, aggregateId, version, json, detail];
      }),
    skipping: (topic, { aggregateId, version, offset }) =>
      aggregateId === ''
        ? []
        : sourcesOf(topic).map(({ number }) => [
            `skip ${number}`,
            aggregateId,
            version,
            '',
            offset,
          ]),
  };
}
