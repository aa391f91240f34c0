import { expect, it } from 'vitest';
import { segmentsOf } from './request-path.ts';

it.each([
  ['/', ['']],
  ['//', ['', '']],
  ['//?a=/b', ['', '']],
  ['/orders/o1?a=/b', ['orders', 'o1']],
  ['*', ['']],
])('splits the target %s without failing', (target, segments) => {
  expect(segmentsOf(target)).toEqual(segments);
});
