/** Strings up to this length V8 itself keeps once when it parses JSON. */
const shortCharsMax = 10;
const hashFactor = 0x01000193;

/**
 * Makes a function that gives equal parts of objects as one and the same: a thousand Deployments of one program differ in
 * some names and share their probes, their security context and their commands. It may put parts of its argument in
 * place of others; what it gives must not be changed.
 *
 * Parts are found by a hash and then compared. Two generations of at most `partsMax` parts are remembered: what was not
 * met again in a whole generation is forgotten, and is then met anew at the price of a copy.
 */
export function createSharing(partsMax: number): <T>(value: T) => T {
  let young = new Map<number, unknown>();
  let old = new Map<number, unknown>();
  // Of the part that was shared last; a tuple for each part would double the time.
  let hash = 0;

  const shared = (part: unknown): unknown => {
    const known = young.get(hash) ?? old.get(hash);
    const same = known !== undefined && isSame(known, part) ? known : part;
    if (same === part || !young.has(hash)) {
      if (young.size >= partsMax) [old, young] = [young, new Map<number, unknown>()];
      young.set(hash, same);
    }
    return same;
  };

  const share = (part: unknown): unknown => {
    if (typeof part === 'string') {
      hash = hashOf(part);
      return part.length > shortCharsMax ? shared(part) : part;
    }
    if (typeof part !== 'object' || part === null) {
      hash = Number(part);
      return part;
    }
    const own = part as Record<string, unknown>;
    let sum = Array.isArray(part) ? 1 : 2;
    for (const field in own) {
      const before = own[field];
      const after = share(before);
      if (after !== before) own[field] = after;
      sum = Math.imul(sum ^ hash ^ field.length, hashFactor);
    }
    hash = sum;
    return shared(part);
  };

  return <T>(value: T): T => share(value) as T;
}

// Of the ends alone, where names and scripts differ: a hash that is met twice costs a comparison.
function hashOf(text: string): number {
  const { length } = text;
  let hash = length;
  for (let at = 0; at < length; at += at < 8 ? 1 : Math.max(1, length >> 3)) {
    hash = Math.imul(hash ^ text.charCodeAt(at), hashFactor);
  }
  return Math.imul(hash ^ text.charCodeAt(length - 1), hashFactor);
}

// The parts of both are shared already, so that equal ones are one and the same.
function isSame(one: unknown, other: unknown): boolean {
  if (typeof one !== 'object' || one === null || typeof other !== 'object' || other === null) {
    return one === other;
  }
  const [left, right] = [one as Record<string, unknown>, other as Record<string, unknown>];
  const fields = Object.keys(left);
  return (
    Array.isArray(one) === Array.isArray(other) &&
    fields.length === Object.keys(right).length &&
    fields.every((field) => Object.hasOwn(right, field) && left[field] === right[field])
  );
}
