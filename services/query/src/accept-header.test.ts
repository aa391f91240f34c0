import { expect, test } from 'vitest';
import { allowedCodings, preferredType } from './accept-header.ts';

test.each([
  [undefined, 'json'],
  ['', 'json'],
  ['*/*', 'json'],
  ['application/json', 'json'],
  ['application/*', 'json'],
  ['text/html, */*;q=0.1', 'json'],
  ['text/event-stream', 'event-stream'],
  ['Text/Event-Stream; charset=utf-8', 'event-stream'],
  ['text/event-stream, */*', 'json'],
  ['text/event-stream, application/json', 'json'],
  ['text/event-stream, application/json;q=0.9', 'event-stream'],
  ['text/event-stream;q=0.2, application/json;q=0.1', 'event-stream'],
  ['application/json;q=0, */*', null],
  ['application/json;q=0, text/event-stream;q=0.001', 'event-stream'],
  ['text/event-stream;q=0', null],
  ['text/event-stream;q=high', null],
  ['text/*', null],
  ['text/html', null],
])('Accept: %s gets %s', (accept, expected) => {
  expect(preferredType(accept)).toBe(expected);
});

test.each([
  [undefined, ['identity']],
  ['', ['identity']],
  ['br', ['identity']],
  ['gzip, deflate, br', ['gzip', 'identity']],
  ['x-gzip', ['gzip', 'identity']],
  ['*', ['gzip', 'identity']],
  ['gzip;q=0.5, identity', ['identity', 'gzip']],
  ['gzip;q=0.5, identity;q=0.5', ['gzip', 'identity']],
  ['gzip;q=0', ['identity']],
  ['gzip;q=0, *', ['identity']],
  ['gzip, identity;q=0', ['gzip']],
  ['gzip, *;q=0', ['gzip']],
  ['gzip, *;q=0, identity;q=0.1', ['gzip', 'identity']],
  ['*;q=0, identity', ['identity']],
  ['identity;q=0', []],
  ['*;q=0', []],
  ['br, identity;q=0', []],
])('Accept-Encoding: %s allows %j', (acceptEncoding, expected) => {
  expect(allowedCodings(acceptEncoding)).toEqual(expected);
});
