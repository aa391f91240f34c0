import { expect, test } from 'vitest';
import { documentEvent, listEvent } from './state-event.ts';

test('a document goes out under its entity tag, in one line and in its own bytes', () => {
  const json = Buffer.from('{"name":\r\n"Ödön"}').toString('latin1');
  const { id, bytes } = documentEvent({ etag: '7', json });
  expect(id).toBe('"7"');
  expect(bytes.toString('utf8')).toBe('event: document\nid: "7"\ndata: {"name":  "Ödön"}\n\n');
});

test('what is not there is an event too', () => {
  expect(documentEvent(null).bytes.toString()).toBe('event: deleted\nid: "0"\ndata: null\n\n');
});

test('a list goes out as its page', () => {
  const { bytes } = listEvent({ etag: 'a_-', json: '{"items":[],"next":null}' });
  expect(bytes.toString()).toBe('event: list\nid: "a_-"\ndata: {"items":[],"next":null}\n\n');
});
