import { expect, test } from 'vitest';
import { parseCurve } from './curve.ts';

const header = 'seconds,reads_per_second';

test('a curve is read, with either line ending and blank lines at its end', () => {
  expect(parseCurve(`${header}\r\n0, 10\r\n2.5,300\r\n60,0\r\n\r\n`)).toEqual({
    ok: true,
    curve: [
      { atMs: 0, readsPerSecond: 10 },
      { atMs: 2500, readsPerSecond: 300 },
      { atMs: 60_000, readsPerSecond: 0 },
    ],
  });
});

test.each([
  ['no header', '0,1\n2,3', 'line 1: is "0,1"; begin with the header "seconds,reads_per_second"'],
  ['nothing', '', 'line 1: is ""; begin with the header'],
  ['one row', `${header}\n0,1`, 'line 2: the curve ends here; give at least two rows'],
  ['a word', `${header}\n0,1\nsoon,2`, 'line 3: seconds is "soon"; give a number from 0 to 86400'],
  ['an empty cell', `${header}\n0,\n1,2`, 'line 2: reads_per_second is ""; give a number'],
  ['a negative rate', `${header}\n0,1\n5,-2`, 'line 3: reads_per_second is "-2"; give a number'],
  ['three cells', `${header}\n0,1,2\n5,2`, 'line 2: "0,1,2" has 3 cells; write two'],
  ['a late start', `${header}\n1,1\n5,2`, 'line 2: the first row is not at 0 seconds'],
  ['time that stands', `${header}\n0,1\n5,2\n5,3`, 'line 4: is not later than the line before'],
  ['a gap', `${header}\n0,1\n\n5,3`, 'line 3: "" has 1 cells; write two'],
])('%s is refused by line, with what to do', (_, text, problem) => {
  const parsed = parseCurve(text);
  expect(parsed.ok ? [] : parsed.problems).toEqual([expect.stringContaining(problem)]);
});

test('every wrong line is named, up to a bound', () => {
  const parsed = parseCurve([header, '0,1', ...Array.from({ length: 30 }, () => 'x,1')].join('\n'));
  const problems = parsed.ok ? [] : parsed.problems;
  expect(problems).toHaveLength(11);
  expect(problems.at(-1)).toBe('and 20 more lines');
});
