/** What an If-Match or If-None-Match header names: every version, or some. Versions we never gave are absent. */
export type EntityTags =
  { readonly kind: 'any' } | { readonly kind: 'versions'; readonly versions: readonly number[] };

export type ParsedEntityTags =
  | { readonly ok: true; readonly tags: EntityTags | undefined }
  | { readonly ok: false; readonly detail: string };

/** A tag and what follows it; commas may be in its quotes, too. */
const entityTag = /[ \t]*(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"[ \t]*(,|$)/y;
/** A document that came compressed from the query service has the tag of the same version with its coding behind it. */
const version = /^([1-9][0-9]{0,15})(?:-gzip)?$/;

export function formatEntityTag(of: number): string {
  return `"${of}"`;
}

/**
 * Reads the value of an If-Match or If-None-Match header (RFC 9110, 13.1). If-Match compares strongly, so a weak tag
 * matches nothing there; If-None-Match compares weakly.
 */
export function parseEntityTags(
  name: 'if-match' | 'if-none-match',
  value: string | undefined,
): ParsedEntityTags {
  if (value === undefined) return { ok: true, tags: undefined };
  if (value.trim() === '*') return { ok: true, tags: { kind: 'any' } };
  const versions: number[] = [];
  entityTag.lastIndex = 0;
  let separator: string | undefined;
  do {
    const match = entityTag.exec(value);
    if (match === null) {
      return {
        ok: false,
        detail: `The header ${name} is ${JSON.stringify(value)}; give an ETag as it was answered, quotes included, such as "3", or *.`,
      };
    }
    const [, weak, opaque = '', next] = match;
    separator = next;
    const named = version.exec(opaque)?.[1];
    if (named !== undefined && (weak === undefined || name === 'if-none-match')) {
      versions.push(Number(named));
    }
  } while (separator === ',');
  return { ok: true, tags: { kind: 'versions', versions } };
}

/** Whether the tags name this version; `undefined` stands for an aggregate that does not exist. */
export function matches(tags: EntityTags, current: number | undefined): boolean {
  if (current === undefined) return false;
  return tags.kind === 'any' || tags.versions.includes(current);
}
