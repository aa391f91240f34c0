/** A key that stands still at an event which cannot be applied. What follows it is passed over until it is retried. */
export type HaltedKey = {
  /** The aggregate's id; '' stands for all records without a usable one. */
  readonly key: string;
  /** Of the event at which it stands, decimal. */
  readonly offset: string;
  readonly error: string;
};

/** By key. */
export type HaltedKeys = ReadonlyMap<string, HaltedKey>;

/** More in one partition, and it is not the keys: the partition halts, so that what is remembered stays bounded. */
export const haltedKeysMax = 1_000;

const errorCharactersMax = 500;

/** Errors quote what records say, which may be long and cut in the middle of a character. */
export function boundedError(error: string): string {
  return error.slice(0, errorCharactersMax).toWellFormed();
}

/** Reads what functions.lua gives: a key, then its "<offset> <error>", and so on. */
export function parseHaltedKeys(flat: readonly string[]): HaltedKeys {
  const halted = new Map<string, HaltedKey>();
  for (let place = 0; place + 1 < flat.length; place += 2) {
    const [key = '', value = ''] = flat.slice(place, place + 2);
    const space = value.indexOf(' ');
    halted.set(key, { key, offset: value.slice(0, space), error: value.slice(space + 1) });
  }
  return halted;
}

export function withHaltedKeys(halted: HaltedKeys, added: readonly HaltedKey[]): HaltedKeys {
  if (added.length === 0) return halted;
  return new Map([...halted, ...added.map((each) => [each.key, each] as const)]);
}
