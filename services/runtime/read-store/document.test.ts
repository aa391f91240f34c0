import { expect, test } from 'vitest';
import { parseDocument } from './document.ts';

test.each([
  ['7\n{"id":"ö"}\n ', '7', '{"id":"ö"}'],
  ['7-0123456789abcdef\n{}\n2 [[],["0:[]","\\u0000o1"]]', '7-0123456789abcdef', '{}'],
])('reads %j', (stored, etag, json) => {
  const document = parseDocument(Buffer.from(stored));
  expect(document?.etag).toBe(etag);
  expect(Buffer.from(document?.json ?? '', 'latin1').toString('utf8')).toBe(json);
});

test.each([null, Buffer.from('7\n')])('has nothing to show of %j', (stored) => {
  expect(parseDocument(stored)).toBeNull();
});
