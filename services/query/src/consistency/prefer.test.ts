import { assert, property, string } from 'fast-check';
import { expect, test } from 'vitest';
import { parsePrefer } from './prefer.ts';

test.each([
  [undefined, null, null],
  ['', null, null],
  ['wait=2', 2, null],
  ['wait=0, handling=lenient', 0, 'lenient'],
  ['handling=strict', null, 'strict'],
  ['WAIT = "7" , Handling=Lenient', 7, 'lenient'],
  ['respond-async, wait=100; reason="a, b", handling=lenient', 100, 'lenient'],
  ['foo="a, wait=9", wait=3', 3, null],
  ['wait=3, wait=9', 3, null],
  ['wait', null, null],
  ['wait=', null, null],
  ['wait=-1', null, null],
  ['wait=1.5', null, null],
  ['wait=soon, handling=maybe', null, null],
  ['wait=99999999999999999999', null, null],
  ['=4, wait=4', 4, null],
  ['"unclosed, wait=4', 4, null],
  [',, ,wait=4,', 4, null],
])('%s', (header, waitSeconds, handling) => {
  expect(parsePrefer(header)).toEqual({ waitSeconds, handling });
});

test('never throws, and reads what stands behind any unknown preference', () => {
  assert(
    property(string(), (text) => {
      const known = text.replaceAll(/["\\]/g, '');
      expect(parsePrefer(`wait=4,${known}`)).toMatchObject({ waitSeconds: 4 });
      parsePrefer(text);
    }),
  );
});

test('takes no longer for a header made to be slow', () => {
  const before = process.cpuUsage();
  for (const piece of ['"', 'a="', '\\"', 'a=b;', ' ', 'a ', '=']) parsePrefer(piece.repeat(8_000));
  expect(process.cpuUsage(before).user / 1_000).toBeLessThan(1_000);
});
