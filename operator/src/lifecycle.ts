import type { Logger } from './telemetry/logger.ts';

/** A part of the program, in the order in which parts are started; they are stopped the other way round. */
export type Part = {
  readonly name: string;
  readonly start?: () => Promise<void> | void;
  readonly stop?: () => Promise<void>;
};

// Kubernetes kills after terminationGracePeriodSeconds (30 by default); we give up before that and say where.
const stopMsMax = 25_000;

/**
 * Starts the parts one after the other and runs until SIGTERM or SIGINT, also while a part still waits to start. Then
 * stops them from the last to the first and exits: with 1 when one of them failed or all together took too long.
 */
export async function runParts(logger: Logger, parts: readonly Part[]): Promise<void> {
  let isStopping = false;
  const stop = async (signal: string): Promise<void> => {
    if (isStopping) return;
    isStopping = true;
    logger.info({ signal }, 'Stopping');
    process.exit(await stopParts(logger, parts));
  };
  process.once('SIGTERM', (signal) => void stop(signal));
  process.once('SIGINT', (signal) => void stop(signal));
  for (const { start } of parts) {
    if (isStopping) return;
    await start?.();
  }
}

async function stopParts(logger: Logger, parts: readonly Part[]): Promise<number> {
  const timer = setTimeout(() => {
    logger.error({ stopMsMax }, 'Did not stop in time');
    process.exit(1);
  }, stopMsMax);
  let exitCode = 0;
  for (const { name, stop } of parts.toReversed()) {
    try {
      await stop?.();
    } catch (err) {
      exitCode = 1;
      logger.error({ err, part: name }, 'Failed to stop a part');
    }
  }
  clearTimeout(timer);
  logger.info({ exitCode }, 'Stopped');
  return exitCode;
}
