import type { HaltedKey } from './halted-key.ts';
import type { PartitionProgress, Retried } from './halted-store.ts';

/** How one topic-partition fares after a retry. */
export type RetryOutcome =
  | { readonly kind: 'waiting' }
  | {
      readonly kind: 'known';
      readonly gone: readonly string[];
      readonly halted: readonly HaltedKey[];
      /** Why the whole partition is halted again; '' when it is not. */
      readonly partition: string;
    };

/** Exit codes of the command, for scripts. */
export const exitCodes = { goesOn: 0, haltedAgain: 1, notTried: 2, notKnown: 3 } as const;

export function isNothing({ partition, keys }: Retried): boolean {
  return partition === '' && keys.length === 0;
}

/** The keys are known once the position is back where it was; a partition that stood still, once it is further. */
export function retryOutcome(retried: Retried, now: PartitionProgress): RetryOutcome {
  const at = BigInt(now.offset);
  const before = BigInt(retried.before);
  const halted = retried.keys.flatMap(({ key }) => now.keys.get(key) ?? []);
  const gone = retried.keys.flatMap(({ key }) => (now.keys.has(key) ? [] : [key]));
  const passed = retried.partition === '' ? at >= before : at > before;
  const isKnown = passed || now.partition !== '' || (retried.partition === '' && gone.length === 0);
  if (!isKnown) return { kind: 'waiting' };
  // A partition that halts again on the way has not come to the keys behind.
  return { kind: 'known', gone: at >= before ? gone : [], halted, partition: now.partition };
}

export function exitCodeOf(outcomes: readonly RetryOutcome[]): number {
  const isHalted = outcomes.some(
    (one) => one.kind === 'known' && (one.halted.length > 0 || one.partition !== ''),
  );
  if (isHalted) return exitCodes.haltedAgain;
  const isOpen = outcomes.some(({ kind }) => kind === 'waiting');
  return isOpen ? exitCodes.notKnown : exitCodes.goesOn;
}

const keyName = (key: string): string => (key === '' ? 'what has no key' : `key "${key}"`);

/** What a retry has let go of. */
export function retriedSentences(name: string, retried: Retried): readonly string[] {
  const { partition, keys, after } = retried;
  const stood = keys.map(
    ({ key, offset, error }) =>
      `${name}: ${keyName(key)} stood still at offset ${offset}. ${error}`,
  );
  const whole = partition === '' ? [] : [`${name}: the whole partition stood still. ${partition}`];
  const from = after === '' ? 'the beginning' : `offset ${after}`;
  const goesOn = `${name}: the projector goes on at ${from}; what was applied already is left as it is.`;
  return [...whole, ...stood, goesOn];
}

/** What came of it. */
export function outcomeSentences(
  name: string,
  retried: Retried,
  outcome: RetryOutcome,
): readonly string[] {
  if (outcome.kind === 'waiting') {
    const until = retried.before === '' ? '' : ` It is done behind offset ${retried.before}.`;
    return [
      `${name}: not known yet.${until} See whether the projector runs, and its status for what is halted.`,
    ];
  }
  const { gone, halted, partition } = outcome;
  const again = halted.map(
    ({ key, offset, error }) =>
      `${name}: ${keyName(key)} is halted again at offset ${offset}. ${error}`,
  );
  if (partition !== '') return [...again, `${name}: the partition is halted again. ${partition}`];
  const passed = retried.partition === '' ? [] : [`${name}: the partition goes on.`];
  return [...passed, ...gone.map((key) => `${name}: ${keyName(key)} goes on.`), ...again];
}
