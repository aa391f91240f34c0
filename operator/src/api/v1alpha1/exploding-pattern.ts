import { parsePattern, type PatternNode } from './pattern-syntax.ts';

// A repeat that goes on for longer than this is as good as one without an end.
const repeatsMax = 8;
// More copies of what is repeated make the automaton larger and tell nothing new.
const copiesMax = 2;
// A pattern beyond these is not judged.
const placesMax = 400;
const pairsMax = 300_000;

/**
 * Whether there is a text for which the time of a backtracking engine doubles with each part of it, as for `^(a+)+$`.
 * That is so when the automaton of the pattern has a state which one and the same text leads back to itself in two ways
 * (exponential ambiguity; Weideman et al., "Analyzing Matching Time Behavior of Backtracking Regular Expression Matchers
 * by Using Ambiguity of NFA", CIAA 2016): two edges between the same places of a cycle, or a cycle through a pair of
 * equal and a pair of different places in the product of the automaton with itself. Patterns that take the square or the
 * cube of a text's length are not found, nor is one that is too large to be judged.
 */
export function isExploding(pattern: string): boolean {
  if (!repeatedGroup.test(pattern)) return false;
  return partsOf(parsePattern(pattern)).some((part) => {
    const automaton = automatonOf(part);
    if (automaton.sets.length > placesMax) return false;
    return isAmbiguous(automaton);
  });
}

// The repeat of a single character leaves no choice.
const repeatedGroup = /\)[*+{]/;

/** The pattern, and each look ahead or behind as one of its own. */
function partsOf(node: PatternNode): readonly PatternNode[] {
  const inner = (of: PatternNode): readonly PatternNode[] => {
    switch (of.kind) {
      case 'empty':
      case 'chars':
        return [];
      case 'seq':
      case 'or':
        return of.items.flatMap(inner);
      case 'repeat':
        return inner(of.item);
      case 'apart':
        return partsOf(of.item);
    }
  };
  return [node, ...inner(node)];
}

/** A place for each character that a pattern names (Glushkov), and what may follow it: once for each way. */
type Automaton = { readonly sets: bigint[]; readonly follow: number[][] };

type Ends = { readonly isNullable: boolean; readonly first: number[]; readonly last: number[] };

const nothing: Ends = { isNullable: true, first: [], last: [] };

function automatonOf(node: PatternNode): Automaton {
  const automaton: Automaton = { sets: [], follow: [] };
  build(node, automaton);
  return automaton;
}

function build(node: PatternNode, automaton: Automaton): Ends {
  if (automaton.sets.length > placesMax) return nothing;
  switch (node.kind) {
    case 'empty':
    case 'apart':
      return nothing;
    case 'chars': {
      const place = automaton.sets.push(node.set) - 1;
      automaton.follow.push([]);
      return { isNullable: false, first: [place], last: [place] };
    }
    case 'or': {
      const ends = node.items.map((item) => build(item, automaton));
      return {
        isNullable: ends.some(({ isNullable }) => isNullable),
        first: ends.flatMap(({ first }) => first),
        last: ends.flatMap(({ last }) => last),
      };
    }
    case 'seq':
      return node.items
        .map((item) => build(item, automaton))
        .reduce((before, after) => joined(before, after, automaton), nothing);
    case 'repeat':
      return repeated(node, automaton);
  }
}

function joined(before: Ends, after: Ends, { follow }: Automaton): Ends {
  for (const place of before.last) follow[place]?.push(...after.first);
  return {
    isNullable: before.isNullable && after.isNullable,
    first: before.isNullable ? [...before.first, ...after.first] : before.first,
    last: after.isNullable ? [...before.last, ...after.last] : after.last,
  };
}

function repeated(
  { item, min, max }: Extract<PatternNode, { kind: 'repeat' }>,
  automaton: Automaton,
): Ends {
  const isEndless = max - min > repeatsMax;
  // The last of those that must be there is the one that goes on.
  const fixed = Math.min(min, copiesMax) - (isEndless && min > 0 ? 1 : 0);
  const items: PatternNode[] = Array.from({ length: fixed }, () => item);
  const before = build({ kind: 'seq', items }, automaton);
  if (!isEndless) return joined(before, optional(item, max - min, automaton), automaton);
  const loop = build(item, automaton);
  const goesOn = joined(loop, loop, automaton);
  const ends = { ...loop, isNullable: goesOn.isNullable || min === 0 };
  return joined(before, ends, automaton);
}

/** One inside the other, as `(x(x)?)?`: side by side, `x?x?` would take one x in two ways. */
function optional(item: PatternNode, times: number, automaton: Automaton): Ends {
  let node: PatternNode = { kind: 'empty' };
  for (let copy = 0; copy < Math.min(times, copiesMax); copy += 1) {
    node = { kind: 'or', items: [{ kind: 'empty' }, { kind: 'seq', items: [item, node] }] };
  }
  return build(node, automaton);
}

function isAmbiguous({ sets, follow }: Automaton): boolean {
  const count = sets.length;
  const nextOf = (pair: number): readonly number[] => {
    const [one, other] = [Math.floor(pair / count), pair % count];
    const found = new Set<number>();
    for (const left of follow[one] ?? []) {
      for (const right of follow[other] ?? []) {
        if (((sets[left] ?? 0n) & (sets[right] ?? 0n)) === 0n) continue;
        found.add(Math.min(left, right) * count + Math.max(left, right));
      }
    }
    return [...found];
  };
  const isEqual = (pair: number): boolean => Math.floor(pair / count) === pair % count;
  const starts = sets.map((_, place) => place * count + place);
  return components(starts, nextOf).some((pairs) => {
    if (pairs.some(isEqual) && !pairs.every(isEqual)) return true;
    const places = new Set(pairs.filter(isEqual).map((pair) => pair % count));
    return [...places].some((place) =>
      hasTwin((follow[place] ?? []).filter((to) => places.has(to))),
    );
  });
}

function hasTwin(places: readonly number[]): boolean {
  return new Set(places).size < places.length;
}

type Visit = { readonly node: number; readonly next: readonly number[]; place: number };

/** The strongly connected components of what is reached (Tarjan), without recursion; none when there is too much of it. */
function components(
  starts: readonly number[],
  nextOf: (node: number) => readonly number[],
): readonly (readonly number[])[] {
  const order = new Map<number, number>();
  const low = new Map<number, number>();
  const open: number[] = [];
  const isOpen = new Set<number>();
  const found: (readonly number[])[] = [];
  const visits: Visit[] = [];
  let edges = 0;

  const enter = (node: number): void => {
    order.set(node, order.size);
    low.set(node, order.size - 1);
    open.push(node);
    isOpen.add(node);
    const next = nextOf(node);
    edges += next.length;
    visits.push({ node, next, place: 0 });
  };
  const lower = (node: number, to: number): void =>
    void low.set(node, Math.min(low.get(node) ?? to, to));
  const leave = ({ node }: Visit): void => {
    const parent = visits.at(-1);
    if (parent !== undefined) lower(parent.node, low.get(node) ?? 0);
    if (low.get(node) !== order.get(node)) return;
    const component = open.splice(open.lastIndexOf(node));
    for (const member of component) isOpen.delete(member);
    found.push(component);
  };

  for (const start of starts) {
    if (!order.has(start)) enter(start);
    for (let visit = visits.at(-1); visit !== undefined; visit = visits.at(-1)) {
      if (edges > pairsMax) return [];
      const to = visit.next[visit.place];
      visit.place += 1;
      if (to === undefined) {
        visits.pop();
        leave(visit);
      } else if (!order.has(to)) enter(to);
      else if (isOpen.has(to)) lower(visit.node, order.get(to) ?? 0);
    }
  }
  return found;
}
