import type { QueryConfig } from '@cqrs/contract/config.ts';
import { rebuiltOnChange, type WrittenDocument } from '@cqrs/runtime/describe/api-document.ts';
import { queryApi } from './query-api.ts';

type Schemas = QueryConfig['schemas'];

/** However often the description is asked for, the file is read no more often than this. */
const rereadPeriodMs = 1_000;

/**
 * The OpenAPI document as it is now. The operator changes `schemas` in the mounted file without a new pod, so the file
 * is read again when somebody asks; where it cannot be read, what was read last stays. The views are those served.
 */
export function describeQueries(config: QueryConfig, reread: () => unknown): () => WrittenDocument {
  let { schemas } = config;
  let text = JSON.stringify(schemas);
  let readAtMs = -Infinity;
  const current = (): readonly [Schemas] => {
    const nowMs = performance.now();
    if (nowMs - readAtMs < rereadPeriodMs) return [schemas];
    readAtMs = nowMs;
    const found = schemasIn(reread);
    const foundText = JSON.stringify(found);
    if (found !== undefined && foundText !== text) {
      schemas = found;
      text = foundText;
    }
    return [schemas];
  };
  return rebuiltOnChange(current, ([known]) =>
    queryApi({ ...config, ...(known === undefined ? {} : { schemas: known }) }),
  );
}

/** Undefined when the file has none, or cannot be read: it may be in the middle of being written. */
function schemasIn(reread: () => unknown): Schemas {
  try {
    const file = reread();
    if (!isObject(file) || !isObject(file['schemas'])) return undefined;
    const { schemas } = file;
    return Object.values(schemas).every(isObject) ? (schemas as Schemas) : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is { readonly [member: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
