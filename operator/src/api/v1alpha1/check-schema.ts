import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import type { Aggregate } from './schema.ts';

/** An aggregate whose JSON Schema no validator can be made of, and the sentence that says why. */
export type SchemaProblem = { readonly aggregate: string; readonly message: string };

/** What admission cannot judge: the aggregates whose schema is not a JSON Schema 2020-12. None is good. */
export function checkAggregateSchemas(aggregates: readonly Aggregate[]): readonly SchemaProblem[] {
  return aggregates.flatMap(({ name, schema }) => {
    const reason = whyNot(schema);
    const message = `The schema of aggregate ${name} cannot be used: ${reason}.`;
    return reason === undefined ? [] : [{ aggregate: name, message }];
  });
}

function whyNot(schema: Aggregate['schema']): string | undefined {
  // An asynchronous validator answers with a promise, which every caller would take for a yes.
  if (schema['$async'] !== undefined) return '"$async" is not supported';
  if (isSurelyFine(schema)) return undefined;
  try {
    validator().compile(schema);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

// Compiling the rules for schemas themselves takes fifty times as long as compiling a schema. They are compiled once and
// kept apart; a schema that does not pass this way is judged anew in one piece, which also finds the words for it.
function isSurelyFine(schema: Aggregate['schema']): boolean {
  try {
    metaValidator ??= validator();
    if (metaValidator.validateSchema(schema) !== true) return false;
    validator({ meta: false }).compile(schema);
    return true;
  } catch {
    return false;
  }
}

let metaValidator: Ajv2020 | undefined;

// As strict as the command service, which compiles the same schemas: an unknown keyword is a typing error there
// and here. A new validator each time, since one keeps every schema it has compiled for as long as it lives.
function validator(options: { readonly meta?: false } = {}): Ajv2020 {
  const ajv = new Ajv2020({
    ...options,
    ...(options.meta === false && { validateSchema: false }),
    strictSchema: true,
    strictNumbers: true,
    strictTypes: false,
    strictTuples: false,
    strictRequired: false,
    logger: false,
  });
  formats.default(ajv);
  return ajv;
}
