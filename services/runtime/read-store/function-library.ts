import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

const lua = readFileSync(new URL('functions.lua', import.meta.url), 'utf8');
const suffix = createHash('sha256').update(lua).digest('hex').slice(0, 12);

/** What the library needs of a Redis client. */
export type FunctionClient = {
  readonly function: (subcommand: 'LOAD', source: string) => Promise<unknown>;
};

/**
 * The library and its functions carry a hash of their text in their names. Two releases can so use one Redis during
 * a rolling update, each calling its own.
 */
export const functionNames = {
  acquire: `cqrs_acquire_${suffix}`,
  halt: `cqrs_halt_${suffix}`,
  retry: `cqrs_retry_${suffix}`,
  caughtUp: `cqrs_caught_up_${suffix}`,
  apply: `cqrs_apply_${suffix}`,
  condemn: `cqrs_condemn_${suffix}`,
  remove: `cqrs_remove_${suffix}`,
  read: `cqrs_read_${suffix}`,
  list: `cqrs_list_${suffix}`,
  versions: `cqrs_versions_${suffix}`,
  standing: `cqrs_standing_${suffix}`,
} as const;

const librarySource = `#!lua name=cqrs_${suffix}\nlocal suffix = '${suffix}'\n${lua}`;

function isMissing(error: unknown): boolean {
  return error instanceof Error && error.message.includes('Function not found');
}

function isThereAlready(error: unknown): boolean {
  return error instanceof Error && error.message.includes('already exists');
}

async function load(client: FunctionClient): Promise<void> {
  try {
    await client.function('LOAD', librarySource);
  } catch (error) {
    // Another process was faster, with the same text: the name says so.
    if (!isThereAlready(error)) throw error;
  }
}

/**
 * The client's errors carry the command with all its arguments: whole documents, which belong in no log. What is left
 * says what happened.
 */
export function withoutCommand(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  Reflect.deleteProperty(error, 'command');
  return error;
}

/** Makes a call and, when Redis does not have the library (the first time, or after it lost its data), loads it and calls again. */
export async function withLibrary<T>(client: FunctionClient, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!isMissing(error)) throw error;
    await load(client);
    return call();
  }
}
