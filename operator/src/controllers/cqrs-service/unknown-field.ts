import type { JsonSchema } from '@cqrs/contract/config.ts';
import type { Source } from '../../api/v1alpha1/schema.ts';
import type { QueryService } from '../../api/v1alpha1/service-kinds.ts';
import { ownerOf, type Siblings } from '../../resources/sources.ts';

type View = QueryService['spec']['query']['views'][number];

/** A field that a view counts on, and the source whose aggregate should have it. */
type Use = { readonly field: string; readonly what: string; readonly source: Source };

const fieldsNamedMax = 20;

/**
 * The first field that a view names and that its aggregate can never have, in a sentence: such a list or join finds
 * nothing, and such an order sorts nothing. Only closed schemas are judged: every other lets
 * documents carry more than it names.
 */
export function unknownField(service: QueryService, siblings: Siblings): string | undefined {
  for (const view of service.spec.query.views) {
    for (const { field, what, source } of usesOf(view)) {
      const aggregates = ownerOf(service, source, siblings)?.spec.aggregates ?? [];
      const schema = aggregates.find(({ name }) => name === source.aggregate)?.schema;
      const fields = schema && closedFields(schema);
      if (fields === undefined || fields.includes(field)) continue;
      const named = nearestFirst(field, fields).slice(0, fieldsNamedMax).join(', ');
      return `View ${view.name} names the field ${field} in ${what}, which aggregate ${source.aggregate} cannot have; its fields are ${named}.`;
    }
  }
  return undefined;
}

function usesOf({ sources, indexes }: View): readonly Use[] {
  const [root] = sources;
  if (root === undefined) return [];
  return [
    ...indexes.flatMap(({ by, order }) => [
      ...by.map((field) => ({ field, what: 'an index', source: root })),
      ...order.map((term) => ({ field: term.replace(/^-/, ''), what: 'an index', source: root })),
    ]),
    ...sources.flatMap((source) => [
      ...(source.key === undefined ? [] : [{ field: source.key, what: '"key"', source }]),
      // It is the document that holds the id of what is looked up.
      ...(source.lookup === undefined
        ? []
        : [{ field: source.lookup, what: '"lookup"', source: root }]),
    ]),
  ];
}

// Each of these may bring in fields that do not stand under the schema's own properties.
const openers = [
  '$ref',
  '$dynamicRef',
  'allOf',
  'anyOf',
  'oneOf',
  'if',
  'dependentSchemas',
  'patternProperties',
] as const;

/** Every field that an aggregate of this schema can have; undefined when the schema leaves that open. */
function closedFields(schema: JsonSchema): readonly string[] | undefined {
  if (schema['additionalProperties'] !== false) return undefined;
  if (openers.some((keyword) => schema[keyword] !== undefined)) return undefined;
  const properties = schema['properties'] ?? {};
  if (typeof properties !== 'object') return undefined;
  return [...new Set(['id', ...Object.keys(properties)])];
}

function nearestFirst(field: string, fields: readonly string[]): readonly string[] {
  return fields
    .map((name) => ({ name, edits: editsBetween(field.toLowerCase(), name.toLowerCase()) }))
    .toSorted((one, other) => one.edits - other.edits)
    .map(({ name }) => name);
}

/** How many letters must be put in, taken out or replaced: the distance of Levenshtein, row by row. */
function editsBetween(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (const [line, letter] of Array.from(from).entries()) {
    const next = [line + 1];
    for (const [column, other] of Array.from(to).entries()) {
      const replaced = (row[column] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
