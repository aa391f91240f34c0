import type { Command } from './commands.ts';

/** What a client knows of its command. `unknown`: it was sent, and no answer said what became of it. */
export type Outcome =
  | { readonly kind: 'pending' }
  | {
      readonly kind: 'acknowledged';
      readonly id: string;
      readonly version: number;
      /** The consistency token that came with it. */
      readonly token: string;
    }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'unknown'; readonly reason: string }
  | { readonly kind: 'unexpected'; readonly answer: string };

export type SentCommand = Command & {
  /** The event that a command makes carries its traceparent, so each event tells which command made it. */
  readonly traceparent: string;
  readonly outcome: Outcome;
};

export type CommandCounts = { readonly [kind in Outcome['kind']]: number };

/** Every command of the run and what became of it. */
export type Ledger = {
  /** Notes a command before it is sent and gives its traceparent. */
  readonly begin: (command: Command) => string;
  readonly settle: (traceparent: string, outcome: Outcome) => void;
  /** As it is now; later outcomes do not change it. */
  readonly commands: () => readonly SentCommand[];
  readonly counts: () => CommandCounts;
};

export function createLedger(seed: number): Ledger {
  const sent = new Map<string, SentCommand>();
  const counts = { pending: 0, acknowledged: 0, refused: 0, unknown: 0, unexpected: 0 };
  return {
    begin: (command) => {
      const traceparent = traceparentOf(seed, sent.size + 1);
      sent.set(traceparent, { ...command, traceparent, outcome: { kind: 'pending' } });
      counts.pending += 1;
      return traceparent;
    },
    settle: (traceparent, outcome) => {
      const command = sent.get(traceparent);
      if (command === undefined) throw new Error(`${traceparent} was never begun`);
      counts[command.outcome.kind] -= 1;
      counts[outcome.kind] += 1;
      sent.set(traceparent, { ...command, outcome });
    },
    commands: () => [...sent.values()],
    counts: () => ({ ...counts }),
  };
}

const hex = (value: number): string => value.toString(16).padStart(16, '0');

/** W3C Trace Context, version 00; neither id may be zero. */
function traceparentOf(seed: number, number: number): string {
  return `00-${hex(seed)}${hex(number)}-${hex(number)}-01`;
}
