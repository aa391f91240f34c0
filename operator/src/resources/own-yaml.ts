import { isDeepStrictEqual } from 'node:util';
import { yamlOf } from './example-context.ts';

type Named = { readonly name: string };

/**
 * What an object says other than the one it is built upon, as YAML: a test of the shared part and one of this are a test
 * of the whole. A field that the object lacks is there as `(absent)`; an entry of a list keeps its name.
 */
export function ownYaml(object: object, shared: object): string {
  return yamlOf(own(object, shared) ?? {});
}

function own(value: unknown, shared: unknown): unknown {
  if (isDeepStrictEqual(value, shared)) return undefined;
  if (isNamed(value) && isNamed(shared) && haveSameNames(value, shared)) {
    return value.flatMap((entry, place) => {
      const rest = own(entry, shared[place]);
      return rest === undefined ? [] : [{ name: entry.name, ...rest }];
    });
  }
  return isRecord(value) && isRecord(shared) ? ownFields(value, shared) : value;
}

function ownFields(value: Record<string, unknown>, shared: Record<string, unknown>): object {
  const keys = [...new Set([...Object.keys(shared), ...Object.keys(value)])];
  const fields = keys.map(
    (key) => [key, key in value ? own(value[key], shared[key]) : '(absent)'] as const,
  );
  return Object.fromEntries(fields.filter(([, field]) => field !== undefined));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNamed(value: unknown): value is readonly Named[] {
  return (
    Array.isArray(value) &&
    value.every((entry) => isRecord(entry) && typeof entry['name'] === 'string')
  );
}

function haveSameNames(some: readonly Named[], others: readonly Named[]): boolean {
  return (
    some.length === others.length && some.every(({ name }, place) => name === others[place]?.name)
  );
}
