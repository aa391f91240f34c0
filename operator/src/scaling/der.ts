/**
 * Writes ASN.1 values in DER (ITU-T X.690), as far as certificates need it. Every function returns one whole
 * element: identifier octet, length octets, content octets.
 */

const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  sequence: 0x30,
  set: 0x31,
  utcTime: 0x17,
  generalizedTime: 0x18,
} as const;

// Context-specific tags: bit 8 is set, bit 6 too when the content is itself made of elements.
const contextPrimitive = 0x80;
const contextConstructed = 0xa0;

function element(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.from([tag]), lengthOctets(body.length), body]);
}

// X.690 8.1.3: below 128 one octet; else the count of octets with bit 8 set, then the octets, most significant first.
function lengthOctets(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return Buffer.from([0x80 + octets.length, ...octets]);
}

export const sequence = (...elements: readonly Uint8Array[]): Buffer =>
  element(tags.sequence, ...elements);

export const set = (...elements: readonly Uint8Array[]): Buffer => element(tags.set, ...elements);

/** `[number]` around whole elements. */
export const explicit = (number: number, ...elements: readonly Uint8Array[]): Buffer =>
  element(contextConstructed + number, ...elements);

/** `[number]` in place of a string's own tag. */
export const implicit = (number: number, content: Uint8Array): Buffer =>
  element(contextPrimitive + number, content);

/** A non-negative whole number, given as its octets, most significant first. */
export function integer(octets: Uint8Array): Buffer {
  const firstUsed = octets.findIndex((octet) => octet !== 0);
  const digits = firstUsed < 0 ? Buffer.from([0]) : octets.subarray(firstUsed);
  // A set first bit would read as a sign.
  const sign = (digits[0] ?? 0) >= 0x80 ? Buffer.from([0]) : Buffer.alloc(0);
  return element(tags.integer, sign, digits);
}

/** DER writes only `true`: a field that is false by default is left out. */
export const isTrue = (): Buffer => element(tags.boolean, Buffer.from([0xff]));

export const octetString = (content: Uint8Array): Buffer => element(tags.octetString, content);

/** Whole octets, of which the last has `unusedBits` at its end that do not count. */
export const bitString = (content: Uint8Array, unusedBits = 0): Buffer =>
  element(tags.bitString, Buffer.from([unusedBits]), content);

export const utf8String = (text: string): Buffer => element(tags.utf8String, Buffer.from(text));

/** Dotted decimal; the first two numbers share one octet, the others are written in base 128. */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return element(
    tags.objectIdentifier,
    Buffer.from([first * 40 + second, ...rest.flatMap(base128)]),
  );
}

function base128(value: number): number[] {
  const octets = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) {
    octets.unshift(0x80 + (rest % 128));
  }
  return octets;
}

/** Whole seconds; RFC 5280 4.1.2.5 wants the two-digit year before 2050 and the four-digit one from then on. */
export function time(epochMs: number): Buffer {
  const iso = new Date(epochMs).toISOString();
  const digits = `${iso.slice(0, 19).replaceAll(/[-T:]/g, '')}Z`;
  return Number(iso.slice(0, 4)) < 2050
    ? element(tags.utcTime, Buffer.from(digits.slice(2)))
    : element(tags.generalizedTime, Buffer.from(digits));
}
