/** What a client prefers, as far as reads know it; null where it says nothing that can be read. */
export type Preferences = {
  readonly waitSeconds: number | null;
  readonly handling: 'strict' | 'lenient' | null;
};

const token = "[!#$%&'*+.^_`|~\\w-]+";
const quoted = '"(?:[^"\\\\]|\\\\.)*"';
/** One preference with what a value and parameters may follow it, up to the next comma (RFC 7240, section 2). */
const preference = new RegExp(
  `^\\s*(?<name>${token})(?:\\s*=\\s*(?:(?<value>${token})|(?<text>${quoted})))?\\s*(?:;.*)?$`,
);
const nextPreference = new RegExp(`(?:${quoted}|[^",]|")+`, 'g');
/** More digits than any number that is not cut to the bound anyway. */
const seconds = /^\d{1,15}$/;

/**
 * Reads a Prefer header (RFC 7240). What is unknown or malformed is passed over, because a preference never makes a
 * request wrong, and of two with one name the first counts.
 */
export function parsePrefer(header: string | undefined): Preferences {
  const given = firstValues(header ?? '');
  const wait = given.get('wait') ?? '';
  const handling = given.get('handling')?.toLowerCase();
  return {
    waitSeconds: seconds.test(wait) ? Number(wait) : null,
    handling: handling === 'strict' || handling === 'lenient' ? handling : null,
  };
}

function firstValues(header: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const [piece] of header.matchAll(nextPreference)) {
    const { name, value, text = '""' } = preference.exec(piece)?.groups ?? {};
    if (name === undefined || values.has(name.toLowerCase())) continue;
    values.set(name.toLowerCase(), value ?? unquoted(text));
  }
  return values;
}

function unquoted(text: string): string {
  return text.slice(1, -1).replaceAll(/\\(.)/g, '$1');
}
