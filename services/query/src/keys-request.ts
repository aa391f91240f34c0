import type { QueryParameters } from './list-request.ts';

export const keysMax = 100;
const keyCharactersMax = 4_096;

export type ParsedKeysRequest =
  | { readonly ok: true; readonly keys: readonly string[] }
  | { readonly ok: false; readonly detail: string };

/** Whether a query string asks for documents by their keys, and not for a list. */
export function asksForKeys(query: QueryParameters): boolean {
  return query['key'] !== undefined;
}

/** Reads `?key=a&key=b`: each key once, and nothing beside them. */
export function parseKeysRequest(query: QueryParameters): ParsedKeysRequest {
  const { key, ...others } = query;
  const keys = [key ?? []].flat();
  const check = keysChecks.find(({ isBroken }) => isBroken(keys, Object.keys(others)));
  return check === undefined
    ? { ok: true, keys }
    : { ok: false, detail: check.detail(keys, Object.keys(others)) };
}

type KeysCheck = {
  readonly isBroken: (keys: readonly string[], others: readonly string[]) => boolean;
  readonly detail: (keys: readonly string[], others: readonly string[]) => string;
};

const keysChecks: readonly KeysCheck[] = [
  {
    isBroken: (_keys, others) => others.length > 0,
    detail: (_keys, others) =>
      `Documents are asked for by key or as a list, and not both: leave out ${others.join(' and ')}, or key.`,
  },
  {
    isBroken: (keys) => keys.length > keysMax,
    detail: (keys) => `${keys.length} keys are given; at most ${keysMax} go in one request.`,
  },
  {
    isBroken: (keys) => keys.includes(''),
    detail: () => 'A key is empty.',
  },
  {
    isBroken: (keys) => keys.some((key) => key.length > keyCharactersMax),
    detail: () => `A key is longer than ${keyCharactersMax} characters.`,
  },
  {
    isBroken: (keys) => new Set(keys).size < keys.length,
    detail: (keys) => {
      const repeated = keys.find((key, place) => keys.indexOf(key) < place) ?? '';
      return `The key "${repeated}" is given more than once.`;
    },
  },
];
