import type { JsonSchema } from '@cqrs/contract/config.ts';

type Members = { readonly [name: string]: JsonSchema };

/** What stands below these is data, in which `$ref` is a member like any other. */
const dataKeywords: readonly string[] = ['const', 'enum', 'default', 'examples', 'example'];
/** What stands below these are names of the author's, and below those schemas. */
const namingKeywords: readonly string[] = [
  'properties',
  'patternProperties',
  'dependentSchemas',
  '$defs',
  'definitions',
];
const referenceKeywords: readonly string[] = ['$ref', '$dynamicRef'];
/** Schemas below these judge the very value that the schema around them judges. */
const inPlaceKeywords: readonly string[] = [
  'allOf',
  'anyOf',
  'oneOf',
  'not',
  'if',
  'then',
  'else',
  'dependentSchemas',
];
/** These may refuse a member that the schema does not name. */
const closingKeywords: readonly string[] = [
  'additionalProperties',
  'unevaluatedProperties',
  'patternProperties',
  'propertyNames',
  'maxProperties',
];
/** With no others at its root, a schema takes further members when they are written among its own. */
const plainKeywords: readonly string[] = [
  'type',
  'properties',
  'required',
  'additionalProperties',
  'minProperties',
  '$defs',
  'definitions',
  'title',
  'description',
  '$comment',
  'deprecated',
];

/**
 * A schema as it reads inside another document, at `pointer` (`#/components/schemas/order`): its references to itself
 * are moved there. One with an `$id` is a resource of its own, in which they hold as they are (JSON Schema 2020-12, 9.2).
 */
export function embedSchema(schema: JsonSchema, pointer: string): JsonSchema {
  if (Object.hasOwn(schema, '$id')) return schema;
  const { $schema: _dialect, ...rest } = schema;
  return moved(rest, pointer) as JsonSchema;
}

function moved(schema: unknown, pointer: string): unknown {
  if (Array.isArray(schema)) return schema.map((inner) => moved(inner, pointer));
  if (!isSchemaObject(schema) || Object.hasOwn(schema, '$id')) return schema;
  const entries = Object.entries(schema).map(([keyword, value]) => {
    if (dataKeywords.includes(keyword)) return [keyword, value];
    if (referenceKeywords.includes(keyword)) return [keyword, movedReference(value, pointer)];
    if (!namingKeywords.includes(keyword) || !isSchemaObject(value)) {
      return [keyword, moved(value, pointer)];
    }
    const named = Object.entries(value).map(([name, inner]) => [name, moved(inner, pointer)]);
    return [keyword, Object.fromEntries(named)];
  });
  return Object.fromEntries(entries) as JsonSchema;
}

function movedReference(reference: unknown, pointer: string): unknown {
  if (typeof reference !== 'string') return reference;
  return reference === '#' || reference.startsWith('#/') ? pointer + reference.slice(1) : reference;
}

/**
 * The schema of what a schema describes with these members beside it, all of them there; of an `id` the schema's own
 * word holds. `at` is where the schema itself stands. Where it refuses members that it does not name, in a way that
 * cannot be opened, only they are described.
 */
export function withMembers(schema: JsonSchema, at: string, members: Members): JsonSchema {
  const required = Object.keys(members);
  if (isPlain(schema)) {
    const embedded = embedSchema(schema, at);
    const own = asSchema(embedded['properties']);
    const id = own['id'] === undefined ? {} : { id: own['id'] };
    const all = new Set([...namesIn(schema['required']), ...required]);
    return { ...embedded, properties: { ...own, ...members, ...id }, required: [...all] };
  }
  const beside = { type: 'object', properties: members, required };
  const conflicts = inPlace(schema).some(
    (part) =>
      closingKeywords.some((keyword) => Object.hasOwn(part, keyword)) ||
      required.some((name) => name !== 'id' && Object.hasOwn(asSchema(part['properties']), name)),
  );
  if (!conflicts) return { allOf: [{ $ref: at }, beside] };
  return { ...beside, description: `With the fields of ${at} beside these.` };
}

/** The schema for a body from which `name` may be missing, because it is added before the body is judged. */
export function withoutRequired(schema: JsonSchema, at: string, name: string): JsonSchema {
  if (!inPlace(schema).some((part) => namesIn(part['required']).includes(name)))
    return { $ref: at };
  if (!isPlain(schema)) {
    return { type: 'object', description: `As ${at}; ${name} may be absent.` };
  }
  const required = namesIn(schema['required']).filter((each) => each !== name);
  return { ...embedSchema(schema, at), required };
}

function isPlain(schema: JsonSchema): boolean {
  return Object.keys(schema).every(
    (keyword) => keyword === '$schema' || plainKeywords.includes(keyword),
  );
}

/** The schema and all that judge the same value with it, through its references to itself. */
function inPlace(schema: JsonSchema): readonly JsonSchema[] {
  const seen = new Set<JsonSchema>();
  const left: unknown[] = [schema];
  while (left.length > 0) {
    const part = left.pop();
    if (!isSchemaObject(part) || seen.has(part)) continue;
    seen.add(part);
    left.push(referenced(schema, part['$ref']));
    for (const keyword of inPlaceKeywords) {
      const below = part[keyword];
      if (keyword === 'dependentSchemas') left.push(...Object.values(asSchema(below)));
      else left.push(...[below].flat());
    }
  }
  return [...seen];
}

function referenced(schema: JsonSchema, reference: unknown): unknown {
  if (typeof reference !== 'string' || !reference.startsWith('#')) return undefined;
  let found: unknown = schema;
  for (const segment of reference.split('/').slice(1)) {
    const name = decodeURIComponent(segment).replaceAll('~1', '/').replaceAll('~0', '~');
    found = asSchema(found)[name];
  }
  return found;
}

function isSchemaObject(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function asSchema(value: unknown): JsonSchema {
  return isSchemaObject(value) ? value : {};
}

function namesIn(required: unknown): readonly string[] {
  return Array.isArray(required) ? required.map(String) : [];
}
