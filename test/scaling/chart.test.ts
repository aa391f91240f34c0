import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { drawChart } from './chart.ts';
import { parseCurve } from './curve.ts';
import { replay, type Frame } from './replay.ts';
import { readService } from './service.ts';

const bytesMax = 30_000;
const here = (file: string): string => readFileSync(new URL(file, import.meta.url), 'utf8');

const frame = (atMs: number, changes: Partial<Frame>): Frame => ({
  atMs,
  asked: 100,
  told: 100,
  floor: 1,
  wanted: 1,
  ready: 1,
  ...changes,
});
const small = drawChart(
  [
    { atMs: 0, readsPerSecond: 100 },
    { atMs: 10_000, readsPerSecond: 300 },
    { atMs: 20_000, readsPerSecond: 0 },
  ],
  [
    frame(0, { told: undefined }),
    frame(1_000, {}),
    frame(10_000, { asked: 300 }),
    frame(11_000, { asked: 300, told: 300, floor: 3, wanted: 3 }),
    frame(13_000, { asked: 300, told: undefined, floor: 3, wanted: 3, ready: 3 }),
    frame(15_000, { asked: 300, told: 300, floor: 3, wanted: 3, ready: 3 }),
  ],
  100,
);

/** The names of elements that are open at the end, or were closed out of turn. */
function unbalanced(xml: string): readonly string[] {
  const open: string[] = [];
  for (const [, closing, name = '', selfClosing] of xml.matchAll(/<(\/?)([a-z]+)[^<>]*?(\/?)>/gu)) {
    if (closing === '/' && open.pop() !== name) return [name];
    if (closing === '' && selfClosing === '') open.push(name);
  }
  return open;
}

test('a chart is well-formed, and names its axes, units and lines', () => {
  expect(unbalanced(small)).toEqual([]);
  expect(small.replaceAll(/<[^<>]+>/gu, '')).not.toMatch(/[<>]|&(?!amp;|lt;)/u);
  expect(small).not.toMatch(/NaN|undefined|Infinity/u);
  for (const text of ['reads per second', 'pods', 'time in seconds', 'floor (minReplicas)']) {
    expect(small).toContain(`>${text}</text>`);
  }
});

test('each line goes through its values, and is broken where there is none', () => {
  const lines = [...small.matchAll(/<path class="([^"]+)" d="([^"]+)"><title>([^<]+)</gu)];
  expect(lines.map(([, shape, d, label]) => `${label} (${shape}): ${d}`)).toMatchInlineSnapshot(`
    [
      "reads asked (line asked): M64 193.3H462V56H860",
      "reads the HPA is told (line told): M103.8 193.3L462 193.3L501.8 56M661 56H860",
      "reads the Ready pods are for (line ready): M64 193.3H581.4V56H860",
      "pods Ready (area ready): M64 409.3H581.4V336H860V446H64Z",
      "pods wanted (line wanted): M64 409.3H501.8V336H860",
      "floor (minReplicas) (dashes floor): M64 409.3H501.8V336H860",
    ]
  `);
});

test('an axis of no load, and one of hours, are drawn too', () => {
  const idle = [frame(0, { asked: 0, told: 0 }), frame(3_600_000, { asked: 0, told: 0 })];
  const hours = [0, 7_200_000].map((atMs) => ({ atMs, readsPerSecond: 0 }));
  const chart = drawChart(hours, idle, 500);
  expect(chart).toContain('time in minutes');
  expect(chart).not.toMatch(/NaN|undefined|Infinity/u);
});

test('the chart of the step is up to date: npm run scaling:replay -- test/scaling/curves/step.csv --out test/scaling/curves/step.svg', () => {
  const curve = parseCurve(here('curves/step.csv'));
  const read = readService(undefined, {});
  if (!curve.ok || !read.ok) throw new Error('the example is malformed');
  const settings = { startMs: 2000, noise: 'none', clumpReads: 1, seed: 1 } as const;
  const frames = replay(curve.curve, { ...settings, floorSeen: 'at-once', service: read.service });
  const { readsPerSecond } = read.service.spec.query.autoscaling;
  const drawn = drawChart(curve.curve, frames, readsPerSecond);
  expect(here('curves/step.svg')).toBe(drawn);
  expect(drawn.length).toBeLessThan(bytesMax);
});
