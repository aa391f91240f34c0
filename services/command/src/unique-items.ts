import type { FuncKeywordDefinition, SchemaValidateFunction } from 'ajv';
import { isObject } from './json.ts';

const judgeUniqueItems: SchemaValidateFunction = (unique: boolean, items: readonly unknown[]) => {
  const repeated = unique ? firstRepeated(items) : undefined;
  if (repeated === undefined) return true;
  const { i, j } = repeated;
  judgeUniqueItems.errors = [
    {
      keyword: 'uniqueItems',
      params: { i, j },
      message: `must NOT have duplicate items (items ## ${j} and ${i} are identical)`,
    },
  ];
  return false;
};

/** Ajv compares every object with every other, which holds up the process for seconds; this looks each up in a map. */
export const uniqueItems: FuncKeywordDefinition = {
  keyword: 'uniqueItems',
  type: 'array',
  schemaType: 'boolean',
  validate: judgeUniqueItems,
};

function firstRepeated(items: readonly unknown[]): { i: number; j: number } | undefined {
  const seen = new Map<string, number>();
  for (const [i, item] of items.entries()) {
    const text = canonical(item);
    const j = seen.get(text);
    if (j !== undefined) return { i, j };
    seen.set(text, i);
  }
  return undefined;
}

/** JSON text that two values share exactly when JSON Schema calls them equal: the order of fields does not count. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const fields = Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return `{${fields.map(([name, inner]) => `${JSON.stringify(name)}:${canonical(inner)}`).join(',')}}`;
}
