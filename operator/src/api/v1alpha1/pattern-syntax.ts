/**
 * What a regular expression matches, as far as the time that it takes depends on it: `chars` is one character out of
 * `set`, a bit for each of the sampled ones; `apart` is what a look ahead or behind tries by itself.
 */
export type PatternNode =
  | { readonly kind: 'empty' }
  | { readonly kind: 'chars'; readonly set: bigint }
  | { readonly kind: 'seq' | 'or'; readonly items: readonly PatternNode[] }
  | {
      readonly kind: 'repeat';
      readonly item: PatternNode;
      readonly min: number;
      readonly max: number;
    }
  | { readonly kind: 'apart'; readonly item: PatternNode };

const empty: PatternNode = { kind: 'empty' };

// ASCII that can be seen, blanks, and letters of other scripts; what a pattern writes out itself is added.
const usualCharacters = [
  ...Array.from({ length: 95 }, (_, place) => String.fromCodePoint(32 + place)),
  '\t',
  '\n',
  '\r',
  'é',
  'ж',
  '中',
  '😀',
];

/** Reads a pattern of ECMAScript with the flag `u`, which the engine has taken already. */
export function parsePattern(pattern: string): PatternNode {
  const sample = [...new Set([...usualCharacters, ...Array.from(pattern)])];
  return new PatternParser(pattern, sample).whole();
}

class PatternParser {
  readonly #pattern: string;
  readonly #sample: readonly string[];
  readonly #sets = new Map<string, bigint>();
  #place = 0;

  constructor(pattern: string, sample: readonly string[]) {
    this.#pattern = pattern;
    this.#sample = sample;
  }

  whole(): PatternNode {
    const items = [this.#sequence()];
    while (this.#take(/\|/y) !== undefined) items.push(this.#sequence());
    return { kind: 'or', items };
  }

  #sequence(): PatternNode {
    const items: PatternNode[] = [];
    while (this.#place < this.#pattern.length && !/[|)]/.test(this.#pattern[this.#place] ?? '')) {
      items.push(this.#repeated(this.#atom()));
    }
    return { kind: 'seq', items };
  }

  #repeated(item: PatternNode): PatternNode {
    const found = this.#take(/(?:[*+?]|\{(\d+)(,?)(\d*)\})\??/y);
    if (found === undefined) return item;
    const [text, least = '', comma = '', most = ''] = found;
    if (text.startsWith('{')) {
      const min = Number(least);
      if (comma === '') return { kind: 'repeat', item, min, max: min };
      return { kind: 'repeat', item, min, max: most === '' ? Infinity : Number(most) };
    }
    const min = text.startsWith('+') ? 1 : 0;
    return { kind: 'repeat', item, min, max: text.startsWith('?') ? 1 : Infinity };
  }

  #atom(): PatternNode {
    if (this.#take(/[$^]|\\[bB]/y) !== undefined) return empty;
    const group = this.#take(/\((?:\?(?:<?[=!]|<[^>]*>|[a-z-]*:))?/y);
    if (group !== undefined) {
      const item = this.whole();
      this.#take(/\)/y);
      return /[=!]$/.test(group[0]) ? { kind: 'apart', item } : item;
    }
    // What a reference repeats is not known, so it may be anything.
    if (this.#take(/\\(?:k<[^>]*>|[1-9]\d*)/y) !== undefined) return this.#chars('[^]');
    const one = this.#take(
      /\[(?:\\.|[^\]\\])*\]|\\u\{[^}]*\}|\\[pP]\{[^}]*\}|\\u[\da-fA-F]{4}|\\x[\da-fA-F]{2}|\\c.|\\.|./suy,
    );
    return one === undefined ? empty : this.#chars(one[0]);
  }

  #chars(source: string): PatternNode {
    const known = this.#sets.get(source) ?? this.#setOf(source);
    this.#sets.set(source, known);
    return { kind: 'chars', set: known };
  }

  #setOf(source: string): bigint {
    const judge = new RegExp(`^(?:${source})$`, 'u');
    const bits = this.#sample.map((character) => (judge.test(character) ? '1' : '0'));
    return BigInt(`0b${bits.join('')}`);
  }

  #take(token: RegExp): RegExpExecArray | undefined {
    token.lastIndex = this.#place;
    const found = token.exec(this.#pattern);
    if (found === null) return undefined;
    this.#place += found[0].length;
    return found;
  }
}
