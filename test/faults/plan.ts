import { createRandom, seedFor, shuffled, type Random } from './random.ts';

export type FaultKind =
  'kill' | 'freeze' | 'restart' | 'roll-back' | 'fill' | 'cut' | 'refuse' | 'stall';

/** What can be hurt alike: all replicas of a program, all stores of a kind, all links of a kind. */
type TargetGroup =
  | 'command'
  | 'relay'
  | 'projector'
  | 'query'
  | 'postgres'
  | 'kafka'
  | 'redis'
  | 'link'
  | 'postgres-disk'
  | 'kafka-disk'
  | 'redis-disk';

/** A store's disk has the store's name, so that nothing else hurts it meanwhile. */
export type TargetNames = { readonly [group in TargetGroup]: readonly string[] };

export type Fault = {
  /** Since the start of the faults. */
  readonly atMs: number;
  /** How long it lasts before what was hurt is let go or started again. */
  readonly forMs: number;
  readonly group: TargetGroup;
  readonly target: string;
  readonly kind: FaultKind;
};

/** Shortest and longest duration of each fault, in milliseconds. */
type Durations = { readonly [kind in FaultKind]?: readonly [number, number] };

/**
 * A projector's session at the broker lasts 6 s and a relay's at Postgres 8 s (see world.ts): frozen for longer, they
 * come back as zombies whose work another has taken over.
 */
const faultTable: { readonly [group in TargetGroup]: Durations } = {
  command: { kill: [0, 3_000], freeze: [2_000, 9_000], restart: [0, 500] },
  relay: { kill: [0, 3_000], freeze: [9_500, 16_000], restart: [0, 500] },
  projector: { kill: [0, 3_000], freeze: [7_500, 15_000], restart: [0, 500] },
  query: { kill: [0, 3_000], freeze: [2_000, 6_000], restart: [0, 500] },
  postgres: { kill: [200, 4_000], freeze: [2_000, 9_000], restart: [200, 2_000] },
  kafka: { kill: [500, 4_000], freeze: [3_000, 12_000] },
  redis: { kill: [200, 4_000], freeze: [2_000, 8_000], 'roll-back': [1_000, 9_000] },
  link: { cut: [0, 0], refuse: [500, 5_000], stall: [2_000, 10_000] },
  'postgres-disk': { fill: [3_000, 9_000] },
  'kafka-disk': { fill: [3_000, 9_000] },
  'redis-disk': { fill: [3_000, 9_000] },
};

const gapMsMin = 1_200;
const gapMsMax = 3_600;
/** A target that was hurt gets this long to come up before it is hurt again. */
const recoveryMs = 5_000;

type Card = { readonly group: TargetGroup; readonly kind: FaultKind };

const deck: readonly Card[] = Object.entries(faultTable).flatMap(([group, kinds]) =>
  Object.keys(kinds).map((kind) => ({ group: group as TargetGroup, kind: kind as FaultKind })),
);

/**
 * The faults of a run. They are dealt from a shuffled deck that has each kind of fault once, so that a short run meets
 * most kinds and a long one meets all of them about equally often; faults of different targets overlap.
 */
export function planFaults(
  seed: number,
  durationMs: number,
  targets: TargetNames,
): readonly Fault[] {
  const random = createRandom(seedFor(seed, 'faults'));
  const freeAtMs = new Map<string, number>();
  const faults: Fault[] = [];
  const playable = deck.filter(({ group }) => targets[group].length > 0);
  let cards: readonly Card[] = [];
  for (let atMs = gap(random); atMs < durationMs; atMs += gap(random)) {
    if (cards.length === 0) cards = shuffled(random, playable);
    const free = ({ group }: Card): readonly string[] =>
      targets[group].filter((target) => (freeAtMs.get(target) ?? 0) <= atMs);
    const card = cards.find((candidate) => free(candidate).length > 0);
    if (card === undefined) continue;
    cards = cards.filter((other) => other !== card);
    const [forMsMin, forMsMax] = faultTable[card.group][card.kind] ?? [0, 0];
    const forMs = random.integer(forMsMin, forMsMax);
    const target = random.pick(free(card));
    if (atMs + forMs > durationMs) continue;
    freeAtMs.set(target, atMs + forMs + recoveryMs);
    faults.push({ atMs, forMs, target, ...card });
  }
  return faults;
}

function gap(random: Random): number {
  return random.integer(gapMsMin, gapMsMax);
}
