import type { Redis } from 'ioredis';
import type { ServiceIdentity, ViewConfig } from '@cqrs/contract/config.ts';
import { parseDocument, type ReadDocument } from '@cqrs/runtime/read-store/document.ts';
import { functionNames, withLibrary } from '@cqrs/runtime/read-store/function-library.ts';
import { readStoreKeys } from '@cqrs/runtime/read-store/keys.ts';
import { lookupShape } from '@cqrs/runtime/read-store/view-shape.ts';
import { viewTag } from '@cqrs/runtime/read-store/view-tag.ts';
import { BatchLane } from './batch-lane.ts';
import type { Awaited, SourceAggregate } from './consistency/source-aggregate.ts';
import { askStandings, type Standing } from './consistency/standing.ts';
import type { ListRequest } from './list-request.ts';

/** Redis answers nobody else during a batch or a page, so both are bounded. */
const keysPerBatchMax = 128;
const pageBytesMax = 1024 * 1024;

/** What is not there in a view that is not built may only not be there yet. */
export type Building = 'view-building';

type ListPage = {
  /** The documents' JSON, joined by commas, each byte as one character (`latin1`). */
  readonly items: string;
  /** The last member of the page when there are more behind it; null otherwise. */
  readonly last: string | null;
};

/** Reads one view. Throws what the Redis client throws when it cannot be reached. */
export type ReadStoreReader = {
  readonly document: (id: string) => Promise<ReadDocument | Building | null>;
  readonly list: (request: ListRequest) => Promise<ListPage | Building>;
  /** The version of an aggregate of the view's sources that the view has applied; 0 when it has seen none. */
  readonly version: (aggregate: SourceAggregate) => Promise<number>;
  /** What keeps a version that the view lacks from coming. */
  readonly standing: (awaited: Awaited) => Promise<Standing>;
  /** Documents that had to wait for an earlier batch, since the start. */
  readonly waited: () => number;
};

type Ask = (keys: readonly string[]) => Promise<readonly (ReadDocument | Building | null)[]>;

/** Without lookups a document is stored as it is sent, and reading is a plain MGET. */
function askStored(redis: Redis, built: string): Ask {
  return async (keys) => {
    const stored = await redis.mgetBuffer(...keys, built);
    const absent = stored.pop() === null ? 'view-building' : null;
    return stored.map((document) => parseDocument(document) ?? absent);
  };
}

/** With lookups the read store's function joins them. */
function askJoined(redis: Redis, built: string, lookups: string): Ask {
  return async (keys) => {
    const { read } = functionNames;
    const call = (): Promise<unknown> =>
      redis.callBuffer('FCALL_RO', read, keys.length + 1, ...keys, built, lookups);
    const answers = (await withLibrary(redis, call)) as (readonly [Buffer, Buffer] | null)[];
    const absent = answers.pop() === null ? 'view-building' : null;
    return answers.map((answer) =>
      answer === null
        ? absent
        : { etag: answer[0].toString('latin1'), json: answer[1].toString('latin1') },
    );
  };
}

function askVersions(redis: Redis, positions: string) {
  return async (aggregates: readonly SourceAggregate[]): Promise<readonly number[]> => {
    const named = aggregates.flatMap(({ source, role, id }) => [source, role, id]);
    const call = (): Promise<unknown> =>
      redis.call('FCALL_RO', functionNames.versions, 1, positions, ...named);
    return ((await withLibrary(redis, call)) as string[]).map(Number);
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
  const { built, positions } = keys;
  const lookups = lookupShape(view);
  const isPlain = view.sources.every(({ role }) => role !== 'lookup');
  // One lane and not several: with fewer batches under way each holds more, and costs less.
  const lane = new BatchLane(
    keysPerBatchMax,
    isPlain ? askStored(documents, built) : askJoined(documents, built, lookups),
  );
  const versions = new BatchLane(keysPerBatchMax, askVersions(documents, positions));
  const standings = new BatchLane(keysPerBatchMax, askStandings(documents, positions));
  return {
    document: (id) => lane.read(keys.document(id)),
    list: async ({ indexSuffix, limit, after }) => {
      const start = after === null ? '-' : `(${after}`;
      const page = [lookups, start, limit, pageBytesMax];
      const call = (): Promise<unknown> =>
        lists.callBuffer('FCALL_RO', functionNames.list, 1, keys.index(indexSuffix), ...page);
      const answer = (await withLibrary(lists, call)) as [Buffer, Buffer, Buffer | null];
      const [items, last, mark] = answer;
      if (mark === null) return 'view-building';
      return {
        items: items.toString('latin1'),
        last: last.length === 0 ? null : last.toString('utf8'),
      };
    },
    version: (aggregate) => versions.read(aggregate),
    standing: (awaited) => standings.read(awaited),
    waited: () => lane.waited,
  };
}
