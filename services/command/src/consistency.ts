import type { ServiceIdentity } from '@cqrs/contract/config.ts';
import {
  mergeEntries,
  readTokens,
  signToken,
  type ReadToken,
  type TokenEntry,
  type TokenKey,
} from '@cqrs/contract/consistency-token.ts';
import { topicName } from '@cqrs/contract/topics.ts';

/** The tokens that answers carry, and those that requests bring. */
export type Consistency = {
  readonly read: (header: string | undefined) => ReadToken;
  /** A token for this version of an aggregate and all that `earlier` covers; undefined when tokens are not set up. */
  readonly cover: (
    earlier: readonly TokenEntry[],
    written: { readonly aggregate: string; readonly id: string; readonly version: number },
  ) => string | undefined;
};

const nothing: ReadToken = { ok: true, entries: [] };

/** `key` is null when the operator has set up no tokens: then answers carry none. */
export function createConsistency(service: ServiceIdentity, key: TokenKey | null): Consistency {
  return {
    read: (header) => {
      if (header === undefined) return nothing;
      if (key !== null) return readTokens(key, header);
      return {
        ok: false,
        detail: 'This service is not set up for consistency tokens; leave Consistency-Token out.',
      };
    },
    cover: (earlier, { aggregate, id, version }) => {
      if (key === null) return undefined;
      const entry = { topic: topicName(service, aggregate), id, version };
      return signToken(key, earlier.length === 0 ? [entry] : mergeEntries(earlier, [entry]));
    },
  };
}
