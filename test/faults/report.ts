import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import type { Difference } from './difference.ts';
import type { Repeats } from './clients.ts';
import type { CommandCounts, Ledger, SentCommand } from './ledger.ts';
import type { PlayedFault } from './play.ts';
import type { Program } from './program.ts';
import type { Streams } from './streams.ts';
import type { TokenReadCounts } from './token-readers.ts';
import type { World } from './world.ts';

const shownCharsMax = 3_000;

/** `1,204 commands: 1,100 acknowledged, 90 refused, 14 unknown` */
export function commandsLine(counts: CommandCounts): string {
  const { acknowledged, refused, unknown, pending, unexpected } = counts;
  const total = acknowledged + refused + unknown + pending + unexpected;
  const parts = [`${acknowledged} acknowledged`, `${refused} refused`, `${unknown} unknown`];
  if (unexpected > 0) parts.push(`${unexpected} answered wrongly`);
  return `${total} commands: ${parts.join(', ')}`;
}

/** `900 reads with tokens: 850 shown, 4 stale and marked, 30 late, 10 refused, 6 without an answer` */
export function tokenReadsLine(counts: TokenReadCounts): string {
  const { shown, stale, late, unavailable, unanswered } = counts;
  const total = shown + stale + late + unavailable + unanswered;
  const parts = [
    `${shown} shown`,
    `${stale} stale and marked`,
    `${late} late`,
    `${unavailable} refused`,
    `${unanswered} without an answer`,
  ];
  return `${total} reads with tokens: ${parts.join(', ')}`;
}

export function repeatsLine({ keyed, madeKnown, answeredAgain }: Repeats): string {
  return `${keyed} commands with idempotency keys: ${madeKnown} made known by repeating, ${answeredAgain} answered the same again`;
}

export function streamsLine({ events, opened }: ReturnType<Streams['counts']>): string {
  return `${events} events on streams, which were opened ${opened} times`;
}

/** `unknown: ECONNRESET 3, store-unavailable 8`, and so the refusals, for who wants to know what a run met. */
export function reasonsLine(commands: readonly SentCommand[], kind: 'refused' | 'unknown'): string {
  const reasons = commands.flatMap(({ outcome }) =>
    outcome.kind === kind && 'reason' in outcome ? [outcome.reason] : [],
  );
  return `${kind}: ${counted(reasons)}`;
}

/** Names the programs that were told to stop and did not do it well; null when there were none. */
export function uncleanStopsLine(programs: readonly Program[]): string | null {
  const unclean = programs.filter(({ uncleanStops }) => uncleanStops() > 0);
  if (unclean.length === 0) return null;
  const parts = unclean.map(({ name, uncleanStops }) => `${name} ${uncleanStops()}`);
  return `stopped uncleanly: ${parts.join(', ')}`;
}

/** `12 faults: command kill 2, kafka freeze 1, …` */
export function faultsLine(faults: readonly Pick<PlayedFault, 'group' | 'kind'>[]): string {
  return `${faults.length} faults: ${counted(faults.map(({ group, kind }) => `${group} ${kind}`))}`;
}

function counted(names: readonly string[]): string {
  const groups = [...Map.groupBy(names, (name) => name)];
  const parts = groups.map(([name, all]) => `${name} ${all.length}`).toSorted();
  return parts.length === 0 ? 'none' : parts.join(', ');
}

function show(value: unknown): string {
  const text = typeof value === 'string' ? value : inspect(value, { depth: 8, breakLength: 100 });
  return text.slice(0, shownCharsMax).replaceAll('\n', '\n            ');
}

export function differenceLines({ what, key, expected, seen }: Difference): string {
  return `DIFFERENCE  ${what}\n  key       ${key}\n  expected  ${show(expected)}\n  seen      ${show(seen)}\n`;
}

function asLines(list: readonly object[]): string {
  return list.map((item) => `${JSON.stringify(item)}\n`).join('');
}

/** Leaves what a reader of a failed run needs in a folder that outlives it, and gives its path. */
export async function keepEvidence(
  seed: number,
  difference: Difference,
  of: { readonly world: World; readonly ledger: Ledger; readonly faults: readonly PlayedFault[] },
): Promise<string> {
  const folder = join(tmpdir(), `cqrs-faults-seed-${seed}-${process.pid}`);
  await mkdir(folder, { recursive: true });
  const files: (readonly [string, string])[] = [
    ['difference.txt', differenceLines(difference)],
    ['faults.jsonl', asLines(of.faults)],
    ['commands.jsonl', asLines(of.ledger.commands())],
    ...of.world.programs.map(
      ({ name, output }) => [`${name.replaceAll('/', '-')}.log`, output()] as const,
    ),
  ];
  for (const [name, text] of files) await writeFile(join(folder, name), text);
  return folder;
}
