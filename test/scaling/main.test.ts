import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'scaling-replay-'));
afterAll(() => rmSync(folder, { recursive: true }));

const main = fileURLToPath(new URL('main.ts', import.meta.url));
const run = (...args: readonly string[]): { status: number | null; out: string; error: string } => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    cwd: folder,
    encoding: 'utf8',
  });
  return { status, out: stdout, error: stderr };
};
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return name;
};

const good = file('good.csv', 'seconds,reads_per_second\n0,400\n5,3200\n15,0\n');

test('a curve becomes a summary and a chart', () => {
  const { status, out } = run(good, '--out', 'chart.svg');
  expect(status).toBe(0);
  expect(out).toMatch(
    /^step at 5 s, 400 to 3200 reads\/s, 6 pods: scaled 0\.\d\d s, .*Ready 2\./mu,
  );
  expect(out).toMatch(/^replica-seconds +\d+$/mu);
  expect(out).toMatch(/^unserved reads +\d+ of 34000 \(\d+\.\d %\)/mu);
  expect(out).toMatch(/^direction changes +0, of them 0 sooner/mu);
  expect(readFileSync(join(folder, 'chart.svg'), 'utf8')).toMatch(/^<svg .*<\/svg>\n$/su);
});

test.each([
  [[file('bad.csv', 'seconds,reads_per_second\n0,1\nx,2\n')], 'bad.csv, line 3: seconds is "x"'],
  [['gone.csv'], 'gone.csv'],
  [[good, '--min', '9', '--max', '3'], 'flags: minReplicas (9) exceeds maxReplicas (3)'],
  [[good, '--service', file('deploy.yaml', 'kind: Deployment')], 'deploy.yaml: not a CqrsService'],
  [[good, '--out', 'no-such-folder/chart.svg'], 'no-such-folder/chart.svg'],
])('%j ends with 2 and says why', (args, why) => {
  const { status, out, error } = run(...args);
  expect({ status, out }).toEqual({ status: 2, out: '' });
  expect(error).toContain(why);
});
