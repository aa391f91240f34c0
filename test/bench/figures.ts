/** What a bench is told. */
export type BenchOptions = {
  readonly services: number;
  /** How often a bench that repeats itself does so. */
  readonly repeats: number;
  /** Tells a person what is going on. */
  readonly note: (text: string) => void;
};

/** A measured number, under the key by which programs read it: the unit is the key's last word. */
type Figure = {
  readonly key: string;
  readonly value: number;
  /** What the number should not exceed. */
  readonly atMost?: number;
  /** What the number should reach. */
  readonly atLeast?: number;
  /** The same thing done the plainest way, measured in the same run. */
  readonly peer?: { readonly key: string; readonly value: number };
};

export type Measured = { readonly name: string; readonly figures: readonly Figure[] };

/** One flat object: every figure and every peer under its key. */
export function asJson({ name, figures }: Measured): Readonly<Record<string, string | number>> {
  const numbers = figures.flatMap(({ key, value, peer }) => [
    [key, rounded(value)] as const,
    ...(peer === undefined ? [] : [[peer.key, rounded(peer.value)] as const]),
  ]);
  return { name, ...Object.fromEntries(numbers) };
}

/** The figures in columns; a figure beyond its bound is marked. */
export function asTable({ name, figures }: Measured): string {
  const rows = figures.map(({ key, value, peer, ...bounds }) => [
    key,
    String(rounded(value)),
    target(value, bounds),
    peer === undefined ? '' : `${peer.key} ${rounded(peer.value)}`,
    peer === undefined || peer.value === 0 ? '' : `× ${(value / peer.value).toFixed(2)}`,
  ]);
  const all = [[name, 'measured', 'target', 'beside', 'ratio'], ...rows];
  const widths = all[0]?.map((_, column) =>
    Math.max(...all.map((row) => row[column]?.length ?? 0)),
  );
  return all
    .map((row) => row.map((cell, column) => cell.padEnd(widths?.[column] ?? 0)).join('  '))
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}

function target(value: number, { atMost, atLeast }: Pick<Figure, 'atMost' | 'atLeast'>): string {
  if (atMost !== undefined) return `≤ ${atMost}${value > atMost ? '  MISSED' : ''}`;
  if (atLeast !== undefined) return `≥ ${atLeast}${value < atLeast ? '  MISSED' : ''}`;
  return '';
}

/** The value that `share` of the values do not exceed (nearest rank); NaN without values. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
