import { endOf, type Curve } from './curve.ts';
import type { Frame } from './replay.ts';

/**
 * Draws a replay as SVG: reads and what the Ready pods are for above, pods below, over one axis of time. Own code
 * rather than a library: five lines over two axes are this file, and charting libraries want a DOM or bring a megabyte.
 */
export function drawChart(curve: Curve, frames: readonly Frame[], podIsFor: number): string {
  const endMs = endOf(curve);
  const x = (atMs: number): number => left + (atMs / endMs) * (right - left);
  const points = (valueOf: (frame: Frame) => number | undefined): readonly Point[] =>
    frames.map((frame) => ({ atMs: frame.atMs, value: valueOf(frame) }));
  const [asked, told] = [points((frame) => frame.asked), points((frame) => frame.told)];
  const capacity = points(({ ready }) => ready * podIsFor);
  const [ready, wanted] = [points((frame) => frame.ready), points((frame) => frame.wanted)];
  const floor = points((frame) => frame.floor);
  const reads: readonly Series[] = [
    { ...stepLine, colour: 'asked', label: 'reads asked', points: asked },
    { ...stepLine, between: 'slope', colour: 'told', label: 'reads the HPA is told', points: told },
    { ...stepLine, colour: 'ready', label: 'reads the Ready pods are for', points: capacity },
  ];
  const pods: readonly Series[] = [
    { ...stepLine, shape: 'area', colour: 'ready', label: 'pods Ready', points: ready },
    { ...stepLine, colour: 'wanted', label: 'pods wanted', points: wanted },
    { ...stepLine, shape: 'dashes', colour: 'floor', label: 'floor (minReplicas)', points: floor },
  ];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">`,
    '<title>Reads and query pods over time</title>',
    `<style>${style}</style>`,
    `<rect class="surface" width="${width}" height="${height}"/>`,
    ...drawPanel({ top: 56, bottom: 262, unit: 'reads per second', of: reads, x, endMs }),
    ...drawPanel({ top: 336, bottom: 446, unit: 'pods', of: pods, x, endMs }),
    ...drawTimeAxis(endMs, x),
    '</svg>',
    '',
  ].join('\n');
}

const [width, height, left, right] = [880, 500, 64, 860] as const;

/** Colours by name, for light and for dark surfaces; each pair is told apart by the colour-blind too. */
const colours = {
  surface: ['#fcfcfb', '#1a1a19'],
  text: ['#0b0b0b', '#ffffff'],
  quiet: ['#6b6a65', '#a3a29c'],
  grid: ['#e1e0d9', '#35342f'],
  asked: ['#2a78d6', '#3987e5'],
  told: ['#eb6834', '#d95926'],
  ready: ['#1baf7a', '#199e70'],
  wanted: ['#4a3aa7', '#9085e9'],
  floor: ['#b87800', '#c98500'],
} as const;

type Colour = keyof typeof colours;

const coloured = (mode: 0 | 1): string =>
  Object.entries(colours)
    .map(([name, pair]) => `.${name}{fill:${pair[mode]};stroke:${pair[mode]}}`)
    .join('');

const style = [
  'svg{font:12px system-ui,sans-serif}',
  coloured(0),
  `@media (prefers-color-scheme:dark){${coloured(1)}}`,
  '.end{text-anchor:end}.middle{text-anchor:middle}text.text,text.quiet{stroke:none}',
  '.line,.dashes{fill:none;stroke-width:2;stroke-linejoin:round}.dashes{stroke-dasharray:5 4}',
  '.area{fill-opacity:.25;stroke:none}',
].join('');

type Point = { readonly atMs: number; readonly value: number | undefined };

type Series = {
  readonly colour: Colour;
  readonly label: string;
  readonly shape: 'line' | 'dashes' | 'area';
  /** Whether a value holds until the next, or moves towards it. */
  readonly between: 'step' | 'slope';
  readonly points: readonly Point[];
};

const stepLine = { shape: 'line', between: 'step' } as const;

type Panel = {
  readonly top: number;
  readonly bottom: number;
  readonly unit: string;
  readonly of: readonly Series[];
  readonly x: (atMs: number) => number;
  readonly endMs: number;
};

function drawPanel({ top, bottom, unit, of, x, endMs }: Panel): readonly string[] {
  const most = Math.max(1, ...of.flatMap(({ points }) => points.map(({ value = 0 }) => value)));
  const ticks = ticksUpTo(most, 5);
  const reach = ticks.at(-1) ?? most;
  const y = (value: number): number => bottom - (value / reach) * (bottom - top);
  const grid = ticks.flatMap((tick) => [
    `<path class="grid" d="M${left} ${px(y(tick))}H${right}"/>`,
    `<text class="quiet end" x="${left - 8}" y="${px(y(tick) + 4)}">${tick}</text>`,
  ]);
  return [
    `<text class="text" x="${left}" y="${top - 36}" font-weight="600">${unit}</text>`,
    ...drawLegend(of, top - 16),
    ...grid,
    ...of.map((one) => drawSeries(one, { x, y, endMs, bottom })),
  ];
}

const legendEntryPx = 210;

function drawLegend(of: readonly Series[], y: number): readonly string[] {
  return of.flatMap(({ colour, label, shape }, place) => {
    const from = left + place * legendEntryPx;
    return [
      shape === 'area'
        ? `<rect class="area ${colour}" x="${from}" y="${y - 9}" width="22" height="10"/>`
        : `<path class="${shape} ${colour}" d="M${from} ${y - 4}h22"/>`,
      `<text class="text" x="${from + 29}" y="${y}">${label}</text>`,
    ];
  });
}

type Place = {
  readonly x: (atMs: number) => number;
  readonly y: (value: number) => number;
  readonly endMs: number;
  readonly bottom: number;
};

function drawSeries(series: Series, place: Place): string {
  const { colour, label, shape, between } = series;
  const { x, y, endMs, bottom } = place;
  const known = thinned(series, endMs);
  let [line, isBroken] = ['', true];
  for (const { atMs, value } of known) {
    if (value === undefined) {
      isBroken = true;
      continue;
    }
    const [h, v] = [px(x(atMs)), px(y(value))];
    if (isBroken) line += `M${h} ${v}`;
    else line += between === 'step' ? `H${h}V${v}` : `L${h} ${v}`;
    isBroken = false;
  }
  const whole = isBroken ? line : `${line}H${px(x(endMs))}`;
  const d = shape === 'area' ? `${whole}V${bottom}H${left}Z` : whole;
  return `<path class="${shape} ${colour}" d="${d}"><title>${label}</title></path>`;
}

function drawTimeAxis(endMs: number, x: (atMs: number) => number): readonly string[] {
  const isLong = endMs > 600_000;
  const [unitMs, unit] = isLong ? [60_000, 'minutes'] : [1000, 'seconds'];
  const ticks = ticksUpTo(endMs / unitMs, 8).filter((tick) => tick * unitMs <= endMs);
  return [
    ...ticks.map(
      (tick) => `<text class="quiet middle" x="${px(x(tick * unitMs))}" y="466">${tick}</text>`,
    ),
    `<text class="text middle" x="${(left + right) / 2}" y="488">time in ${unit}</text>`,
  ];
}

/** Round numbers from 0 to the first that is not below `most`. */
function ticksUpTo(most: number, count: number): readonly number[] {
  const rough = most / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const nice = [1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10;
  const step = nice * power;
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, place) =>
    Number((place * step).toPrecision(6)),
  );
}

const pointsPerColumn = 2;

/** Leaves out what no pixel would show: values that only repeat, and of many within one column all but the extremes. */
function thinned({ points, between }: Series, endMs: number): readonly Point[] {
  const changed = points.filter(
    ({ value }, place) =>
      place === 0 ||
      value !== points[place - 1]?.value ||
      (between === 'slope' && value !== points[place + 1]?.value),
  );
  const columns = Map.groupBy(changed, ({ atMs }) => Math.floor((atMs / endMs) * (right - left)));
  return [...columns.values()].flatMap((column) => {
    if (column.length <= pointsPerColumn) return column;
    const sorted = column.toSorted((one, other) => (one.value ?? -1) - (other.value ?? -1));
    const extremes = [sorted[0], sorted.at(-1)];
    return column.filter((point) => extremes.includes(point));
  });
}

function px(value: number): string {
  return String(Math.round(value * 10) / 10);
}
