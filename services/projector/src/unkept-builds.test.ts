import { expect, test } from 'vitest';
import { unkeptBuilds } from './unkept-builds.ts';

test('unkept are builds of another definition, or of no view any more, that nobody has kept up for long', () => {
  const builds = { 'orders.1': '9000', 'orders.2': '1000', 'orders.3': '8999', 'gone.1': '1000' };
  const of = { builds, current: ['orders.1'], keptMsMin: 1_000 };
  expect(unkeptBuilds({ ...of, nowMs: 9_999 })).toEqual(['orders.2', 'gone.1']);
  expect(unkeptBuilds({ ...of, nowMs: 10_000 })).toEqual(['orders.2', 'orders.3', 'gone.1']);
});
