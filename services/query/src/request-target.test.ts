import { array, assert, property, string } from 'fast-check';
import { expect, test } from 'vitest';
import { parametersOf, readTarget } from './request-target.ts';

test.each([
  ['/', [''], ''],
  ['/orders', ['orders'], ''],
  ['/orders/o1', ['orders', 'o1'], ''],
  ['/orders/', ['orders', ''], ''],
  ['/orders//', ['orders', '', ''], ''],
  ['//orders/o1', ['', 'orders', 'o1'], ''],
  ['/orders/a/b', ['orders', 'a', 'b'], ''],
  ['/orders/a%2Fb', ['orders', 'a/b'], ''],
  ['/orders/a%252Fb', ['orders', 'a%2Fb'], ''],
  ['/orders/%C3%96', ['orders', 'Ö'], ''],
  ['/orders/a%3Fb', ['orders', 'a?b'], ''],
  ['/orders/a+b;c', ['orders', 'a+b;c'], ''],
  ['/orders/o1?', ['orders', 'o1'], ''],
  ['/orders/o1?a=%E0%A4%A/?', ['orders', 'o1'], 'a=%E0%A4%A/?'],
  ['/orders?a=/b', ['orders'], 'a=/b'],
  ['http://shop:80/orders/o1?a=1', ['orders', 'o1'], 'a=1'],
  ['HTTPS://shop', [''], ''],
  ['http://shop?a=1', [''], 'a=1'],
  ['*', [''], ''],
])('%s', (url, segments, query) => {
  expect(readTarget(url)).toEqual({ segments, query });
});

test.each(['/orders/%', '/orders/%E0%A4%A', '/%FF/o1', '/orders/a%2'])(
  '%s is not percent-encoded UTF-8',
  (url) => {
    expect(readTarget(url)).toBeNull();
  },
);

test('every path is read as it was encoded', () => {
  const segment = string({ unit: 'grapheme' });
  assert(
    property(array(segment, { minLength: 1 }), (segments) => {
      const path = segments.map(encodeURIComponent).join('/');
      expect(readTarget(`/${path}?a=1`)).toEqual({ segments, query: 'a=1' });
    }),
  );
});

test('a parameter that is given several times is a list, however many there are', () => {
  expect(parametersOf('')).toEqual({});
  expect(parametersOf('a=1+2&b=%C3%96&c')).toEqual({ a: '1 2', b: 'Ö', c: '' });
  expect(parametersOf('key=1&'.repeat(2_000))['key']).toHaveLength(2_000);
  expect(parametersOf('__proto__=1&constructor=2')).toMatchObject({ constructor: '2' });
});
