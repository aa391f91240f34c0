import { digestTag } from './entity-tag.ts';
import type { ListRequest } from './list-request.ts';
import type { GatedRead } from './read-gate.ts';
import type { Representation } from './send-representation.ts';
import type { ServedView } from './served-view.ts';

/** A page of a list: `{"items":[…],"next":"<cursor>"}`, `next` null on the last page. */
export async function readList(
  { reader, lists: { gate } }: Pick<ServedView, 'reader' | 'lists'>,
  request: ListRequest,
): Promise<GatedRead<Representation>> {
  const read = await gate.read(() => reader.list(request));
  if (!read.ok) return read;
  const { items, last } = read.value;
  const next = last === null ? null : request.cursor(last);
  const json = `{"items":[${items}],"next":${JSON.stringify(next)}}`;
  return { ok: true, value: { etag: digestTag(json), json } };
}
