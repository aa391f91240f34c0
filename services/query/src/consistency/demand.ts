import { readTokens, type TokenKeys } from '@cqrs/contract/consistency-token.ts';
import type { ViewConfig } from '@cqrs/contract/config.ts';
import { parsePrefer } from './prefer.ts';
import { awaitedBy, type Awaited } from './source-aggregate.ts';

const waitSecondsDefault = 2;
const waitSecondsMax = 10;

/** A read that is to show certain writes. */
export type Demand = {
  readonly kind: 'asked';
  /** The header as it came; answers repeat it. */
  readonly token: string;
  readonly awaited: readonly Awaited[];
  readonly waitMs: number;
  readonly handling: 'strict' | 'lenient';
  /** What of the client's preferences is heeded, as `Preference-Applied` says it; '' when it gave none. */
  readonly applied: string;
};

export type ReadDemand =
  Demand | { readonly kind: 'none' } | { readonly kind: 'malformed'; readonly detail: string };

/** Reads what a request asks for by its headers `Consistency-Token` and `Prefer`; without a token nothing is awaited. */
export function readDemand(
  keys: TokenKeys | null,
  sources: ViewConfig['sources'],
  headers: { readonly token: string | undefined; readonly prefer: string | undefined },
): ReadDemand {
  const { token, prefer } = headers;
  if (token === undefined) return { kind: 'none' };
  if (keys === null) {
    const detail =
      'Consistency tokens are not set up here: this service has no key to read them with. Leave the Consistency-Token out.';
    return { kind: 'malformed', detail };
  }
  const read = readTokens(keys, token);
  if (!read.ok) return { kind: 'malformed', detail: read.detail };
  const { waitSeconds, handling } = parsePrefer(prefer);
  const wait = Math.min(waitSeconds ?? waitSecondsDefault, waitSecondsMax);
  const applied = [
    ...(waitSeconds === null ? [] : [`wait=${wait}`]),
    ...(handling === null ? [] : [`handling=${handling}`]),
  ];
  return {
    kind: 'asked',
    token,
    awaited: awaitedBy(sources, read.entries),
    waitMs: wait * 1_000,
    handling: handling ?? 'strict',
    applied: applied.join(', '),
  };
}
