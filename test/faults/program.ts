import { setTimeout as delay } from 'node:timers/promises';
import { startService, type TestService } from '../support/process.ts';
import type { Target } from './target.ts';

export type ProgramKind = 'command' | 'relay' | 'projector' | 'query';

/** One replica of a program: what a Deployment's pod is, with its kubelet. */
export type Program = {
  /** `orders/command/0` */
  readonly name: string;
  readonly kind: ProgramKind;
  /** The CqrsService that it belongs to. */
  readonly service: string;
  readonly target: Target;
  readonly http: () => string;
  readonly ops: () => string;
  /** What it printed before it ended, when it ended though nobody told it to. */
  readonly crash: () => string | null;
  /** How often it was told to stop and failed to, or took so long that it gave up. */
  readonly uncleanStops: () => number;
  /** What its processes printed, the last lines of those that are gone and all of the present one. */
  readonly output: () => string;
  readonly stop: () => Promise<void>;
};

const outputKeptCharsMax = 400_000;
const crashCharsMax = 4_000;
const startTriesMax = 5;
const startAgainDelayMs = 500;

export async function startProgram(options: {
  readonly kind: ProgramKind;
  readonly service: string;
  readonly replica: number;
  readonly config: object;
  readonly env: Readonly<Record<string, string>>;
}): Promise<Program> {
  const { kind, service, replica, config, env } = options;
  const name = `${service}/${kind}/${replica}`;
  let earlier = '';
  /** Whether it is up to this program to run, and not to us. */
  let left = false;
  let uncleanStops = 0;
  let current = await startService({ program: kind, config, env });

  const start = async (): Promise<void> => {
    current = await startedAgain(async () => startService({ program: kind, config, env }));
    left = false;
  };
  const end = async (how: (running: TestService) => Promise<unknown>): Promise<void> => {
    left = true;
    await how(current);
    earlier = `${earlier}${current.output()}\n--- ended by the run ---\n`.slice(
      -outputKeptCharsMax,
    );
  };
  return {
    name,
    kind,
    service,
    target: {
      kill: async (hold) => {
        await end((running) => running.kill());
        await hold();
        await start();
      },
      restart: async (hold) => {
        await end(async (running) => {
          if ((await running.stop()) !== 0) uncleanStops += 1;
        });
        await hold();
        await start();
      },
      freeze: async (hold) => {
        process.kill(current.pid, 'SIGSTOP');
        await hold();
        process.kill(current.pid, 'SIGCONT');
      },
    },
    http: () => current.http,
    ops: () => current.ops,
    crash: () => (left || current.running() ? null : current.output().slice(-crashCharsMax)),
    uncleanStops: () => uncleanStops,
    output: () => earlier + current.output(),
    stop: () => end((running) => running.kill()),
  };
}

/** A port that was free may be taken when the program listens on it; a kubelet would start it again too. */
async function startedAgain(start: () => Promise<TestService>): Promise<TestService> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await start();
    } catch (error) {
      if (tries === startTriesMax) throw error;
      await delay(startAgainDelayMs);
    }
  }
}
