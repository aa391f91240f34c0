import { parseArgs } from 'node:util';

export const retryUsage =
  'Usage: node services/projector/src/retry-halted.ts [--view NAME] [--key KEY] [--wait SECONDS]\n' +
  'Lets go of what is halted, of all views or one, of all keys or one, and tells how it fares.\n' +
  'Exit code: 0 all goes on or nothing was halted, 1 something is halted again, 2 nothing was tried,\n' +
  '3 not known within the wait.\n';

export type RetryOptions = {
  readonly view: string | undefined;
  readonly key: string | undefined;
  readonly waitMs: number;
};

export type ParsedRetryOptions =
  | { readonly ok: true; readonly options: RetryOptions }
  | { readonly ok: false; readonly detail: string };

const waitSecondsByDefault = 30;
const waitSecondsMax = 3_600;

export function parseRetryOptions(args: readonly string[]): ParsedRetryOptions {
  let values: { readonly view?: string; readonly key?: string; readonly wait?: string };
  try {
    const text = { type: 'string' } as const;
    values = parseArgs({ args: [...args], options: { view: text, key: text, wait: text } }).values;
  } catch (error) {
    return { ok: false, detail: error instanceof Error ? error.message : String(error) };
  }
  const { view, key, wait = String(waitSecondsByDefault) } = values;
  const seconds = wait === '' ? Number.NaN : Number(wait);
  if (!(seconds >= 0 && seconds <= waitSecondsMax)) {
    return { ok: false, detail: `--wait is "${wait}"; give seconds from 0 to ${waitSecondsMax}.` };
  }
  return { ok: true, options: { view, key, waitMs: seconds * 1_000 } };
}
