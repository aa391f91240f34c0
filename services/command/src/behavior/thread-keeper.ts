import type { Logger } from '@cqrs/runtime/logger.ts';
import { compileCommands, type CommandSet } from './command-schemas.ts';
import { startThread, type Thread } from './thread.ts';

/** What can be asked now: these commands, any when the module lists none, or nothing and why. */
export type Offer =
  | { readonly ok: true; readonly commands: CommandSet | undefined }
  | { readonly ok: false; readonly reason: string };

/** Has a thread at hand that has loaded the module, as far as that is possible. */
export type ThreadKeeper = {
  readonly offer: () => Offer;
  /** The thread, a new one after the last was given up; undefined while the module cannot be used. */
  readonly thread: () => Promise<Thread | undefined>;
  readonly giveUp: (thread: Thread) => void;
  readonly close: () => void;
};

export type ModuleOptions = {
  readonly aggregate: string;
  /** Absolute path. */
  readonly module: string;
  readonly logger: Logger;
};

const reloadDelayMs = 5_000;
const printedCharsMax = 2_000;

export function keepThread({ aggregate, module, logger }: ModuleOptions): ThreadKeeper {
  const log = logger.child({ aggregate, module });
  let offer: Offer = { ok: false, reason: `The behavior of ${aggregate} is being loaded.` };
  let thread: Thread | undefined;
  let starting: Promise<void> | undefined;
  let reloading: NodeJS.Timeout | undefined;
  let closed = false;

  const onPrinted = (text: string): void =>
    log.info({ text: text.slice(0, printedCharsMax) }, 'The behavior printed');
  const load = async (): Promise<void> => {
    let started: Thread | undefined;
    try {
      started = await startThread({ module, onPrinted });
      offer = { ok: true, commands: compileCommands(started.commandsText) };
      thread = started;
      log.info('Loaded the behavior');
    } catch (error) {
      started?.end();
      const said = error instanceof Error ? error.message : String(error);
      // One line for each reason and not for each try.
      const reason = `The behavior of ${aggregate} cannot be used: the module ${module} ${said}`;
      if (offer.ok || offer.reason !== reason) log.error({ err: error }, 'Cannot use the behavior');
      offer = { ok: false, reason };
      // A file may still be mounted, and what the module needs from elsewhere may come back.
      if (!closed) reloading = setTimeout(reload, reloadDelayMs);
    }
    if (closed) thread?.end();
  };
  const start = async (): Promise<void> => {
    starting ??= load().finally(() => (starting = undefined));
    return starting;
  };
  const reload = (): void => {
    reloading = undefined;
    void start();
  };
  return {
    offer: () => offer,
    thread: async () => {
      if (thread === undefined && reloading === undefined) await start();
      return thread;
    },
    giveUp: (lost) => {
      lost.end();
      if (thread === lost) thread = undefined;
    },
    close: () => {
      closed = true;
      clearTimeout(reloading);
      thread?.end();
    },
  };
}
