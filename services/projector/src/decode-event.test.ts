import { expect, test } from 'vitest';
import { fetchedRecord } from '../../../test/support/fetched-record.ts';
import { committedAtMs, decodeEvent } from './decode-event.ts';

const record = {
  offset: '41',
  key: 'o1',
  value: '{"data": {"total": 5}, "state": {"id": "o1", "total": 12345678901234567890}}',
  headers: {
    ce_sequence: '3',
    ce_pglsn: '26500000',
    ce_time: '2025-01-02T03:04:05.678901Z',
  },
};

test('reads what a view needs of a record, the state in the text in which it was written', () => {
  expect(decodeEvent(fetchedRecord(record))).toEqual({
    ok: true,
    event: {
      offset: '41',
      aggregateId: 'o1',
      version: '3',
      lsn: '26500000',
      state: {
        json: '{"id": "o1", "total": 12345678901234567890}',
        fields: { id: 'o1', total: 12345678901234567000 },
      },
    },
  });
});

test.each([
  ['a deleted aggregate', { value: Buffer.from('{"state":null,"data":null}') }, { state: null }],
  ['a tombstone', { value: null }, { state: null }],
  [
    'line breaks between the members',
    { value: Buffer.from('{"state":{\n"id":"o1"}}') },
    { state: { json: '{"id":"o1"}', fields: { id: 'o1' } } },
  ],
  [
    'a whole surrogate pair, and an escaped backslash before what looks like half of one',
    { value: Buffer.from(String.raw`{"state":{"a":"\ud83d\ude00","b":"\\ud800"}}`) },
    { state: { fields: { a: '😀', b: String.raw`\ud800` } } },
  ],
  ['no LSN', { headers: { ce_sequence: '1' } }, { version: '1', lsn: '' }],
  [
    'the character that decoding puts where bytes are not UTF-8',
    { key: 'o\ufffd', value: '{"state":{"a":"\ufffd"}}' },
    { aggregateId: 'o\ufffd', state: { json: '{"a":"\ufffd"}', fields: { a: '\ufffd' } } },
  ],
])('takes %s', (_, change, expected) => {
  expect(decodeEvent(fetchedRecord({ ...record, ...change }))).toMatchObject({
    ok: true,
    event: expected,
  });
});

test('says when an event was committed, if its record does', () => {
  expect(committedAtMs(fetchedRecord(record))).toBe(Date.UTC(2025, 0, 2, 3, 4, 5, 678));
  expect(committedAtMs(fetchedRecord({ ...record, headers: { ce_sequence: '1' } }))).toBeNull();
});

test.each([
  ['no key', { key: null }, /key/],
  ['an empty key', { key: Buffer.from('') }, /key/],
  ['a key with NUL', { key: Buffer.from('a\0b') }, /key/],
  ['a key that is not UTF-8', { key: Buffer.from([0x6f, 0xff]) }, /key/],
  ['no version', { headers: {} }, /ce_sequence is ""/],
  ['version 0', { headers: { ce_sequence: '0' } }, /ce_sequence is "0"/],
  [
    'a version beyond what doubles count',
    { headers: { ce_sequence: '9007199254740992' } },
    /ce_sequence/,
  ],
  [
    'a wrong LSN',
    { headers: { ce_sequence: '1', ce_pglsn: '0/16B3748' } },
    /ce_pglsn is "0\/16B3748"/,
  ],
  ['no JSON', { value: Buffer.from('{"state":') }, /value/],
  [
    'text that is not UTF-8',
    {
      value: Buffer.concat([
        Buffer.from('{"state":{"a":"'),
        Buffer.from([0xff]),
        Buffer.from('"}}'),
      ]),
    },
    /value/,
  ],
  ['an array', { value: Buffer.from('[]') }, /value/],
  ['no state', { value: Buffer.from('{"data":{}}') }, /value/],
  ['a state that is no object', { value: Buffer.from('{"state":[]}') }, /value/],
  [
    'a lone surrogate in a field, on which functions.lua failed between its writes',
    { value: Buffer.from(String.raw`{"state":{"id":"px","customerId":"\ud800"}}`) },
    /surrogate/,
  ],
  [
    'the second half of a surrogate pair alone, in a name deep inside',
    { value: Buffer.from(String.raw`{"state":{"a":[{"\\\uDC00":1}]}}`) },
    /surrogate/,
  ],
  [
    'surrogates in the wrong order',
    { value: Buffer.from(String.raw`{"state":{"a":"\ude00\ud83d"}}`) },
    /surrogate/,
  ],
])('refuses %s with a sentence', (_, change, detail) => {
  expect(decodeEvent(fetchedRecord({ ...record, ...change }))).toMatchObject({
    ok: false,
    detail: expect.stringMatching(detail) as string,
  });
});

test.each([
  ['nothing', { key: null, headers: {} }, { key: '', version: '' }],
  ['its key only', { headers: { ce_sequence: 'x' } }, { key: 'o1', version: '' }],
  ['key and version', { value: '[' }, { key: 'o1', version: '3' }],
])('a record that cannot be read says %s', (_, change, said) => {
  expect(decodeEvent(fetchedRecord({ ...record, ...change }))).toMatchObject({
    ok: false,
    ...said,
  });
});
