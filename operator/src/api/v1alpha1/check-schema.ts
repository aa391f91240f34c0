import { whyTooLarge } from '@cqrs/contract/schema-bounds.ts';
import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { isExploding } from './exploding-pattern.ts';
import type { Aggregate } from './schema.ts';

/** An aggregate whose JSON Schema no validator can be made of, and the sentence that says why. */
export type SchemaProblem = { readonly aggregate: string; readonly message: string };

/** What admission cannot judge: the aggregates whose schema is not a JSON Schema 2020-12. None is good. */
export function checkAggregateSchemas(aggregates: readonly Aggregate[]): readonly SchemaProblem[] {
  return aggregates.flatMap(({ name, schema }) => {
    const excess = whyTooLarge(schema);
    if (excess !== undefined) {
      return [{ aggregate: name, message: `The schema of aggregate ${name} ${excess}.` }];
    }
    const reason = whyNot(schema) ?? whyExploding(schema);
    const message = `The schema of aggregate ${name} cannot be used: ${reason}.`;
    return reason === undefined ? [] : [{ aggregate: name, message }];
  });
}

function whyNot(schema: Aggregate['schema']): string | undefined {
  // An asynchronous validator answers with a promise, which every caller would take for a yes.
  if (schema['$async'] !== undefined) return '"$async" is not supported';
  if (isSurelyFine(schema)) return undefined;
  const whole = validator();
  try {
    whole.compile(schema);
    return undefined;
  } catch (error) {
    const choice = wrongChoice(whole.errors ?? []);
    if (choice !== undefined) return choice;
    const reason = error instanceof Error ? error.message : String(error);
    return reason.includes('unknown format "url"') ? `${reason}; use "uri"` : reason;
  }
}

/** Values that a schema speaks of, whatever they look like. */
const dataKeywords = ['const', 'enum', 'default', 'examples'];

/** A pattern that is tried on what clients send, and that a text of some dozens of characters would keep busy for years. */
function whyExploding(schema: Aggregate['schema']): string | undefined {
  const left: object[] = [schema];
  for (let node = left.pop(); node !== undefined; node = left.pop()) {
    for (const [keyword, value] of Object.entries(node) as readonly [string, unknown][]) {
      const patterns =
        keyword === 'pattern' ? [value] : keyword === 'patternProperties' ? keysOf(value) : [];
      const bad = patterns.find((pattern) => typeof pattern === 'string' && isExploding(pattern));
      if (bad !== undefined) {
        return `the pattern ${JSON.stringify(bad)} takes twice as long with each character of some texts; write it so that no text can be taken by a repeat in two ways`;
      }
      if (typeof value === 'object' && value !== null && !dataKeywords.includes(keyword)) {
        left.push(value);
      }
    }
  }
  return undefined;
}

function keysOf(value: unknown): readonly string[] {
  return typeof value === 'object' && value !== null ? Object.keys(value) : [];
}

// The validator's own sentence tells each branch of the rule that was missed, but not what may stand there. The deepest
// place is the wrong word itself and not the list that holds it.
function wrongChoice(errors: readonly ErrorObject[]): string | undefined {
  const [deepest] = errors
    .filter(({ keyword }) => keyword === 'enum')
    .toSorted((one, other) => other.instancePath.length - one.instancePath.length);
  if (deepest === undefined) return undefined;
  const { allowedValues } = deepest.params as { readonly allowedValues: readonly unknown[] };
  return `${deepest.instancePath.slice(1)} must be one of ${allowedValues.join(', ')}`;
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
    // A definition becomes one function and not a copy at each reference, which multiplies.
    inlineRefs: false,
  });
  formats.default(ajv);
  // Its pattern takes seconds for a long string. Left out, it is an unknown format.
  delete ajv.formats['url'];
  return ajv;
}
