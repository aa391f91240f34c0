import { nextSlice } from './keys-slice.ts';
import { digestTag } from './entity-tag.ts';
import type { GatedRead } from './read-gate.ts';
import type { Representation } from './send-representation.ts';
import type { ServedView } from './served-view.ts';

export type ReadKeys = {
  readonly representation: Representation;
  readonly found: number;
  readonly missing: number;
};

/**
 * Documents by their keys: `{"items":[…],"missing":[…],"remaining":[…]}`, items in the order asked for. `missing` are
 * keys under which there is nothing, `remaining` those that a full answer had no room for: ask for them next. Each key
 * is a read of its own in the batches that serve all reads by key, and counts as one.
 */
export async function readKeys(
  { reader, documents: { gate } }: Pick<ServedView, 'reader' | 'documents'>,
  keys: readonly string[],
): Promise<GatedRead<ReadKeys>> {
  const tags: string[] = [];
  const items: string[] = [];
  const missing: string[] = [];
  let [read, bytes] = [0, 0];
  for (;;) {
    const slice = keys.slice(read, read + nextSlice({ keys: read, bytes }, keys.length - read));
    if (slice.length === 0) break;
    const answers = await Promise.all(slice.map((key) => gate.read(() => reader.document(key))));
    for (const [place, answer] of answers.entries()) {
      if (!answer.ok) return answer;
      const key = slice[place] ?? '';
      if (answer.value === null) missing.push(key);
      else items.push(answer.value.json);
      tags.push(`${key}\0${answer.value?.etag ?? ''}`);
      bytes += answer.value?.json.length ?? 0;
    }
    read += slice.length;
  }
  const rest = JSON.stringify({ missing, remaining: keys.slice(read) });
  const json = `{"items":[${items.join(',')}],${Buffer.from(rest.slice(1)).toString('latin1')}`;
  const etag = digestTag(Buffer.from(tags.join('\0')).toString('latin1'));
  return {
    ok: true,
    value: { representation: { etag, json }, found: items.length, missing: missing.length },
  };
}
