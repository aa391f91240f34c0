import { parseArgs } from 'node:util';

export type Options = { readonly seed: number; readonly minutes: number };

const minutesMax = 240;

const usage = `npm run faults -- [--seed N] [--minutes M]

Runs the data plane of three services (orders, payments, order-history) on loopback, with real Postgres, Kafka and
Redis, under a moderate load of commands, and hurts every part of it for M minutes: programs and stores are killed,
frozen past their session timeouts and restarted, Redis is rolled back to an older copy of its data, disks are filled,
and connections are cut, refused and stalled. Checked meanwhile and at the end is what was acknowledged, what Kafka
holds, what the views show, that a read with a token shows what the token covers, that a command with an idempotency
key has one effect however often it is sent, and that streams never go back and tell the state that stays. Ends with 0 when all agree, with 1 and the first difference when not, and with 2 when the run itself failed.

  --seed N      decides which commands and which faults there are, and when (default: drawn and printed); the same
                seed repeats them, though not how a machine interleaves them
  --minutes M   how long there are faults (default 1, at most ${minutesMax}); starting and the last checks take some
                minutes more

A disk is filled only where this process may mount one: as root on Linux. Elsewhere the run says that it is left out.
Not part of it: more than one broker, a Postgres that fails over to a standby.
`;

export type Parsed =
  | { readonly ok: true; readonly options: Options }
  | { readonly ok: false; readonly exitCode: 0 | 2; readonly message: string };

const refused = (why: string): Parsed => ({
  ok: false,
  exitCode: 2,
  message: `${why}\n\n${usage}`,
});

export function parseOptions(args: readonly string[], drawnSeed: number): Parsed {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        seed: { type: 'string', default: String(drawnSeed) },
        minutes: { type: 'string', default: '1' },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) return { ok: false, exitCode: 0, message: usage };
    const [seed, minutes] = [Number(values.seed), Number(values.minutes)];
    if (!Number.isSafeInteger(seed) || seed < 0) {
      return refused(`--seed is "${values.seed}"; give a whole number from 0.`);
    }
    if (!(minutes > 0 && minutes <= minutesMax)) {
      return refused(`--minutes is "${values.minutes}"; give a number up to ${minutesMax}.`);
    }
    return { ok: true, options: { seed, minutes } };
  } catch (error) {
    return refused(error instanceof Error ? error.message : String(error));
  }
}
