import { codedTag } from '../entity-tag.ts';
import type { Representation } from '../send-representation.ts';

/** One state of what a stream shows, as a server-sent event. */
export type StateEvent = {
  /** The quoted entity tag of the state: what a client that comes back names in Last-Event-ID. */
  readonly id: string;
  readonly bytes: Buffer;
};

/** Of no document: versions begin with 1. */
const absentTag = '0';

export function documentEvent(document: Representation | null): StateEvent {
  return document === null
    ? stateEvent('deleted', { etag: absentTag, json: 'null' })
    : stateEvent('document', document);
}

export function listEvent(page: Representation): StateEvent {
  return stateEvent('list', page);
}

/** The form is that of HTML, 9.2.6. A line break would end the data; JSON has them between its values only. */
function stateEvent(name: string, { etag, json }: Representation): StateEvent {
  const id = codedTag(etag, 'identity');
  const data = json.replaceAll(/[\r\n]/g, ' ');
  return { id, bytes: Buffer.from(`event: ${name}\nid: ${id}\ndata: ${data}\n\n`, 'latin1') };
}
