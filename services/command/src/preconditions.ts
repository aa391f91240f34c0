/** What an If-Match or If-None-Match header names: every version, or some. Versions we never gave are absent. */
export type EntityTags =
  { readonly kind: 'any' } | { readonly kind: 'versions'; readonly versions: readonly number[] };

export type ParsedEntityTags =
  | { readonly ok: true; readonly tags: EntityTags | undefined }
  | { readonly ok: false; readonly detail: string };

const entityTag = /^(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"$/;
const version = /^[1-9][0-9]{0,15}$/;

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
  for (const part of value.split(',')) {
    const match = entityTag.exec(part.trim());
    if (match === null) {
      return {
        ok: false,
        detail: `The header ${name} is ${JSON.stringify(value)}; give an ETag as it was answered, quotes included, such as "3", or *.`,
      };
    }
    const [, weak, opaque = ''] = match;
    if (version.test(opaque) && (weak === undefined || name === 'if-none-match')) {
      versions.push(Number(opaque));
    }
  }
  return { ok: true, tags: { kind: 'versions', versions } };
}

/** Whether the tags name this version; `undefined` stands for an aggregate that does not exist. */
export function matches(tags: EntityTags, current: number | undefined): boolean {
  if (current === undefined) return false;
  return tags.kind === 'any' || tags.versions.includes(current);
}
