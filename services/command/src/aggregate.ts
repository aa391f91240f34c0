import type { AggregateConfig, JsonSchema } from '@cqrs/contract/config.ts';
import { CqrsError } from '@cqrs/contract/errors.ts';
import { whyTooLarge } from '@cqrs/contract/schema-bounds.ts';
import type { FieldProblem } from '@cqrs/contract/problems.ts';
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { fieldProblemsMax, isObject, pointerTo, type JsonObject } from './json.ts';
import { uniqueItems } from './unique-items.ts';

/** What a schema says against a value; empty when nothing. */
export type Validate = (value: JsonObject) => readonly FieldProblem[];

export type Aggregate = {
  readonly name: string;
  /** Of a state, which carries its `id`. */
  readonly validate: Validate;
};

/** Collecting every error of a large state can cost a hundred times its size, so a large one hears of its first error. */
const everyErrorCharsMax = 65_536;

/**
 * Compiles the schemas of a service's aggregates, strictly: an unknown keyword or format is an error and not a rule
 * that never holds. Throws CQRS_CONFIG_INVALID naming the aggregate.
 */
export function compileAggregates(
  configs: readonly AggregateConfig[],
): ReadonlyMap<string, Aggregate> {
  return new Map(configs.map((config) => [config.name, compileAggregate(config)]));
}

function compileAggregate({ name, schema }: AggregateConfig): Aggregate {
  const validate = compileValidator(schema, {
    subject: `aggregate ${name}`,
    remedy: 'Correct spec.aggregates of the CqrsService.',
  });
  const schemaNamesId = namesId(schema);
  return {
    name,
    validate: ({ id, ...rest }) => validate(schemaNamesId ? { id, ...rest } : rest),
  };
}

/** What a schema is about, and what to do when it cannot be used. */
export type SchemaOrigin = { readonly subject: string; readonly remedy: string };

/** Compiles a schema; what it returns says what the schema says against a value. Throws CQRS_CONFIG_INVALID. */
export function compileValidator(schema: JsonSchema, origin: SchemaOrigin): Validate {
  const excess = whyTooLarge(schema);
  if (excess !== undefined) {
    throw new CqrsError(
      'CQRS_CONFIG_INVALID',
      `The schema of the ${origin.subject} ${excess}. ${origin.remedy}`,
    );
  }
  const findsFirst = compileSchema(schema, origin, false);
  const findsEvery = compileSchema(schema, origin, true);
  return (value) => {
    if (findsFirst(value)) return [];
    const judge = JSON.stringify(value).length <= everyErrorCharsMax ? findsEvery : findsFirst;
    judge(value);
    return (judge.errors ?? []).slice(0, fieldProblemsMax).map(fieldProblem);
  };
}

function compileSchema(
  schema: JsonSchema,
  { subject, remedy }: SchemaOrigin,
  allErrors: boolean,
): ValidateFunction {
  const ajv = new Ajv2020({
    allErrors,
    strictSchema: true,
    strictNumbers: true,
    strictTypes: false,
    strictTuples: false,
    strictRequired: false,
    verbose: true,
    logger: false,
    // A definition becomes one function and not a copy at each reference, which multiplies.
    inlineRefs: false,
    // A field that is called "constructor" is there only when it was sent, not because every object has one.
    ownProperties: true,
  });
  addFormats.default(ajv);
  // Its pattern takes seconds for a long string. Left out, it is an unknown format.
  delete ajv.formats['url'];
  ajv.removeKeyword('uniqueItems').addKeyword(uniqueItems);
  try {
    return ajv.compile(schema);
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause);
    const reason = said.includes('unknown format "url"') ? `${said}; use "uri"` : said;
    throw new CqrsError(
      'CQRS_CONFIG_INVALID',
      `The schema of the ${subject} is not a usable JSON Schema (2020-12): ${reason}. ${remedy}`,
      cause,
    );
  }
}

/** `id` is ours; a schema that does not speak of it must not refuse it as an additional property. */
function namesId(schema: JsonSchema): boolean {
  const { properties, required } = schema;
  return (
    (isObject(properties) && Object.hasOwn(properties, 'id')) ||
    (Array.isArray(required) && required.includes('id'))
  );
}

const sentences: Readonly<Record<string, (error: ErrorObject) => FieldProblem>> = {
  required: ({ instancePath, params }) => ({
    pointer: pointerTo(instancePath, String(params['missingProperty'])),
    detail: 'is missing',
  }),
  additionalProperties: ({ instancePath, params, parentSchema }) => ({
    pointer: pointerTo(instancePath, String(params['additionalProperty'])),
    detail: `is no field here; the schema allows ${listed(Object.keys(propertiesOf(parentSchema)))}`,
  }),
  unevaluatedProperties: ({ instancePath, params }) => ({
    pointer: pointerTo(instancePath, String(params['unevaluatedProperty'])),
    detail: 'is no field here: the schema does not allow it',
  }),
  enum: ({ instancePath, params }) => ({
    pointer: instancePath,
    detail: `must be one of ${JSON.stringify(params['allowedValues'])}`,
  }),
  const: ({ instancePath, params }) => ({
    pointer: instancePath,
    detail: `must be ${JSON.stringify(params['allowedValue'])}`,
  }),
};

function fieldProblem(error: ErrorObject): FieldProblem {
  const sentence = sentences[error.keyword];
  if (sentence !== undefined) return sentence(error);
  return { pointer: error.instancePath, detail: error.message ?? `breaks ${error.keyword}` };
}

function propertiesOf(schema: unknown): JsonObject {
  return isObject(schema) && isObject(schema['properties']) ? schema['properties'] : {};
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ');
}
