import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSharing } from './sharing.ts';

const long = 'long enough to be kept once';
const probe = () => ({ httpGet: { path: '/readyz', port: 9090 }, periodSeconds: 1 });

test('equal parts become one and the same, whatever holds them', () => {
  const share = createSharing(100);
  const one = share({ name: 'a', containers: [{ probe: probe() }] });
  const other = share({ name: 'b', initContainers: [{ probe: probe(), image: long }] });
  expect(other).toEqual({ name: 'b', initContainers: [{ probe: probe(), image: long }] });
  expect(other.initContainers[0]?.probe).toBe(one.containers[0]?.probe);
});

test('what differs in anything stays apart', () => {
  const share = createSharing(100);
  const parts = [
    [],
    {},
    [long],
    { 0: long },
    { a: 1 },
    { a: '1' },
    { b: 1 },
    { a: null },
    { a: {} },
  ];
  expect(new Set(parts.map((part) => share({ part }).part)).size).toBe(parts.length);
});

test('any object is given as it was, however little is remembered', () => {
  const share = createSharing(3);
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      // As text, since -0 and 0 are one.
      const text = JSON.stringify(value);
      expect(JSON.parse(JSON.stringify(share(JSON.parse(text))))).toEqual(JSON.parse(text));
    }),
  );
});

test('what is not met again is forgotten, and what is met again is not', () => {
  const share = createSharing(4);
  const first = share(probe());
  for (let number = 0; number < 20; number += 1) {
    share({ [`only ${number}`]: number });
    expect(share(probe())).toBe(first);
  }
  for (let number = 0; number < 20; number += 1) share({ [`other ${number}`]: number });
  expect(share(probe())).not.toBe(first);
});
