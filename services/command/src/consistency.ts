import type { ServiceIdentity } from '@cqrs/contract/config.ts';
import {
  mergeEntries,
  readTokens,
  signToken,
  type TokenEntry,
  type TokenKeys,
} from '@cqrs/contract/consistency-token.ts';
import { topicName } from '@cqrs/contract/topics.ts';

/** What the tokens of a request cover. */
export type Brought = {
  readonly entries: readonly TokenEntry[];
  /** False when a token could not be verified, so that what it covers is not among the entries. */
  readonly isWhole: boolean;
};

type ReadBrought =
  ({ readonly ok: true } & Brought) | { readonly ok: false; readonly detail: string };

export const nothingBrought: Brought = { entries: [], isWhole: true };

/** The tokens that answers carry, and those that requests bring. */
export type Consistency = {
  /**
   * What a command does depends on none of its tokens: one that cannot be verified, as its key was replaced, is left
   * out of the answer's and refuses nothing. Only what is no token is a mistake that its sender should hear of.
   */
  readonly read: (header: string | undefined) => ReadBrought;
  /** The headers of an answer about this version of an aggregate: a token for it and all that was brought. */
  readonly cover: (
    brought: Brought,
    written: { readonly aggregate: string; readonly id: string; readonly version: number },
  ) => ConsistencyHeaders;
};

type ConsistencyHeaders = {
  readonly 'consistency-token'?: string;
  /** `incomplete`: the token does not cover all that was brought. */
  readonly 'consistency-status'?: 'incomplete';
};

/** `keys` is null when the operator has set up no tokens: then answers carry none. */
export function createConsistency(service: ServiceIdentity, keys: TokenKeys | null): Consistency {
  return {
    read: (header) => {
      if (header === undefined) return { ok: true, ...nothingBrought };
      if (keys === null) return { ok: true, entries: [], isWhole: false };
      const read = readTokens(keys, header);
      if (!read.ok && read.why === 'malformed') return { ok: false, detail: read.detail };
      return { ok: true, entries: read.entries, isWhole: read.ok };
    },
    cover: ({ entries, isWhole }, { aggregate, id, version }) => {
      const status = isWhole ? {} : ({ 'consistency-status': 'incomplete' } as const);
      if (keys === null) return status;
      const entry = { topic: topicName(service, aggregate), id, version };
      const all = entries.length === 0 ? [entry] : mergeEntries(entries, [entry]);
      return { 'consistency-token': signToken(keys, all), ...status };
    },
  };
}
