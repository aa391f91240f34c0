import { expect, test } from 'vitest';
import { parseOptions } from './options.ts';

test('a curve alone is enough', () => {
  expect(parseOptions(['curve.csv'])).toEqual({
    ok: true,
    options: {
      curveFile: 'curve.csv',
      outFile: undefined,
      serviceFile: undefined,
      autoscaling: {},
      startMs: 2000,
      noise: 'none',
      clumpReads: 1,
      seed: 1,
      floorSeen: 'at-once',
    },
  });
});

test('flags say how a service scales and how it is played', () => {
  const args = '--target 100 --max 8 --scale-down-seconds 0 --ready-seconds 0.5 --noise poisson';
  expect(parseOptions(['curve.csv', ...args.split(' '), '--floor-seen=next-look'])).toMatchObject({
    ok: true,
    options: {
      autoscaling: { readsPerSecond: 100, maxReplicas: 8, scaleDownSeconds: 0 },
      startMs: 500,
      noise: 'poisson',
      floorSeen: 'next-look',
    },
  });
});

test.each([
  [[], 'Name the CSV file of a curve.'],
  [['a.csv', 'b.csv'], 'One curve at a time: leave out b.csv.'],
  [['a.csv', '--target', '0'], '--target is "0"; give a whole number from 1 to 1000000.'],
  [['a.csv', '--max', '2.5'], '--max is "2.5"; give a whole number from 1 to 1000.'],
  [['a.csv', '--seed', ''], '--seed is ""; give a whole number from 0 to 4294967295.'],
  [['a.csv', '--ready-seconds', 'x'], '--ready-seconds is "x"; give a number from 0 to 600.'],
  [['a.csv', '--noise', 'pink'], '--noise is "pink"; give none or poisson.'],
  [['a.csv', '--what'], "Unknown option '--what'"],
])('%j is refused with the remedy and the usage', (args, why) => {
  const parsed = parseOptions(args);
  expect(parsed).toMatchObject({ ok: false, exitCode: 2 });
  const message = parsed.ok ? '' : parsed.message;
  expect(message).toContain(why);
  expect(message).toContain('npm run scaling:replay');
});

test('help is no failure', () => {
  expect(parseOptions(['--help'])).toMatchObject({ ok: false, exitCode: 0 });
});
