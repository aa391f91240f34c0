/** A load curve: `reads_per_second` holds from its `seconds` on until the next row; the last row ends the curve. */
export type Curve = readonly CurveRow[];

type CurveRow = { readonly atMs: number; readonly readsPerSecond: number };

export type ParsedCurve =
  | { readonly ok: true; readonly curve: Curve }
  /** Each names its line and says what to write instead. */
  | { readonly ok: false; readonly problems: readonly string[] };

const header = 'seconds,reads_per_second';
const secondsMax = 86_400;
const readsPerSecondMax = 1_000_000;
const problemsShownMax = 10;

/** Reads a whole curve, or says of each wrong line what is wrong with it. */
export function parseCurve(text: string): ParsedCurve {
  const lines = text.replace(/^\uFEFF/u, '').split(/\r?\n/u);
  while (lines.at(-1)?.trim() === '') lines.pop();
  const [first = '', ...rows] = lines;
  if (first.replaceAll(/\s/gu, '') !== header) {
    return { ok: false, problems: [`line 1: is "${first}"; begin with the header "${header}"`] };
  }
  if (rows.length < 2) {
    const problem = `line ${lines.length}: the curve ends here; give at least two rows, of which the last ends it`;
    return { ok: false, problems: [problem] };
  }
  const parsed = rows.map(parseRow);
  const problems = parsed.flatMap((row, place) => {
    const problem = typeof row === 'string' ? row : misplaced(row, parsed[place - 1]);
    return problem === undefined ? [] : [`line ${place + 2}: ${problem}`];
  });
  if (problems.length > 0) return { ok: false, problems: shortened(problems) };
  return { ok: true, curve: parsed.filter((row) => typeof row !== 'string') };
}

function parseRow(line: string): CurveRow | string {
  const cells = line.split(',').map((cell) => cell.trim());
  const [seconds = '', readsPerSecond = ''] = cells;
  if (cells.length !== 2) {
    return `"${line}" has ${cells.length} cells; write two, such as "12.5,300"`;
  }
  return (
    wrong('seconds', seconds, secondsMax) ??
    wrong('reads_per_second', readsPerSecond, readsPerSecondMax) ?? {
      atMs: Math.round(Number(seconds) * 1000),
      readsPerSecond: Number(readsPerSecond),
    }
  );
}

function wrong(column: string, cell: string, max: number): string | undefined {
  const number = cell === '' ? Number.NaN : Number(cell);
  if (number >= 0 && number <= max) return undefined;
  return `${column} is "${cell}"; give a number from 0 to ${max}`;
}

function misplaced(row: CurveRow, before: CurveRow | string | undefined): string | undefined {
  if (before === undefined) {
    return row.atMs === 0
      ? undefined
      : 'the first row is not at 0 seconds; let the curve begin at 0';
  }
  if (typeof before === 'string' || row.atMs > before.atMs) return undefined;
  return 'is not later than the line before; sort the rows by seconds and leave out repeated ones';
}

function shortened(problems: readonly string[]): readonly string[] {
  const more = problems.length - problemsShownMax;
  return more <= 0 ? problems : [...problems.slice(0, problemsShownMax), `and ${more} more lines`];
}

/** When the curve is over. */
export function endOf(curve: Curve): number {
  return curve.at(-1)?.atMs ?? 0;
}
