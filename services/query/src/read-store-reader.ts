import type { Redis } from 'ioredis';
import type { ServiceIdentity, ViewConfig } from '@cqrs/contract/config.ts';
import { parseDocument, type ReadDocument } from '@cqrs/runtime/read-store/document.ts';
import { functionNames, withLibrary } from '@cqrs/runtime/read-store/function-library.ts';
import { readStoreKeys } from '@cqrs/runtime/read-store/keys.ts';
import { lookupShape } from '@cqrs/runtime/read-store/view-shape.ts';
import { viewTag } from '@cqrs/runtime/read-store/view-tag.ts';
import { BatchLane } from './batch-lane.ts';
import type { ListRequest } from './list-request.ts';

/** Redis answers nobody else during a batch or a page, so both are bounded. */
const keysPerBatchMax = 128;
const pageBytesMax = 1024 * 1024;

type ListPage = {
  /** The documents' JSON, joined by commas. */
  readonly items: string;
  /** The last member of the page when there are more behind it; null otherwise. */
  readonly last: string | null;
};

/** Reads one view. Throws what the Redis client throws when it cannot be reached. */
export type ReadStoreReader = {
  readonly document: (id: string) => Promise<ReadDocument | null>;
  readonly list: (request: ListRequest) => Promise<ListPage>;
  /** Documents that had to wait for an earlier batch, since the start. */
  readonly waited: () => number;
};

type Ask = (keys: readonly string[]) => Promise<readonly (ReadDocument | null)[]>;

/** Without lookups a document is stored as it is sent, and reading is a plain MGET. */
function askStored(redis: Redis): Ask {
  return async (keys) => (await redis.mgetBuffer(...keys)).map(parseDocument);
}

/** With lookups the read store's function joins them. */
function askJoined(redis: Redis, lookups: string): Ask {
  return async (keys) => {
    const call = (): Promise<unknown> =>
      redis.callBuffer('FCALL_RO', functionNames.read, keys.length, ...keys, lookups);
    const answers = (await withLibrary(redis, call)) as (readonly [Buffer, Buffer] | null)[];
    return answers.map((answer) =>
      answer === null
        ? null
        : { etag: answer[0].toString('latin1'), json: answer[1].toString('latin1') },
    );
  };
}

/** Lists have a connection of their own, because a page may be a megabyte and documents should not wait behind it. */
export type ReadStoreConnections = { readonly documents: Redis; readonly lists: Redis };

export function createReadStoreReader(
  connections: ReadStoreConnections,
  service: ServiceIdentity,
  view: ViewConfig,
): ReadStoreReader {
  const { documents, lists } = connections;
  const keys = readStoreKeys(viewTag(service, view));
  const lookups = lookupShape(view);
  const isPlain = view.sources.every(({ role }) => role !== 'lookup');
  // One lane and not several: with fewer batches under way each holds more, and costs less.
  const lane = new BatchLane(
    keysPerBatchMax,
    isPlain ? askStored(documents) : askJoined(documents, lookups),
  );
  return {
    document: (id) => lane.read(keys.document(id)),
    list: async ({ indexSuffix, limit, after }) => {
      const start = after === null ? '-' : `(${after}`;
      const page = [lookups, start, limit, pageBytesMax];
      const call = (): Promise<unknown> =>
        lists.callBuffer('FCALL_RO', functionNames.list, 1, keys.index(indexSuffix), ...page);
      const [items, last] = (await withLibrary(lists, call)) as [Buffer, Buffer];
      return {
        items: items.toString('utf8'),
        last: last.length === 0 ? null : last.toString('utf8'),
      };
    },
    waited: () => lane.waited,
  };
}
