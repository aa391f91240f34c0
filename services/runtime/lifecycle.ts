import type { Logger } from 'pino';

export type StopStep = { readonly name: string; readonly stop: () => Promise<void> };

/** Kubernetes kills after terminationGracePeriodSeconds (30 by default); we give up before that and say where. */
const stopTimeoutMs = 25_000;

/**
 * Runs a program until SIGTERM or SIGINT, then stops its parts in the order given. A part that fails or hangs
 * is logged and the exit code is 1: positions are durable, so dying is safe, but it is never silent.
 */
export function runUntilSignal(logger: Logger, steps: readonly StopStep[]): void {
  let stopping = false;
  const stop = async (signal: string): Promise<void> => {
    if (stopping) return;
    stopping = true;
    logger.info({ signal }, 'Stopping');
    const timer = setTimeout(() => {
      logger.error({ stopTimeoutMs }, 'Did not stop in time');
      process.exit(1);
    }, stopTimeoutMs);
    for (const step of steps) {
      try {
        await step.stop();
      } catch (error) {
        process.exitCode = 1;
        logger.error({ err: error, step: step.name }, 'Failed to stop a part');
      }
    }
    clearTimeout(timer);
    logger.info('Stopped');
    process.exit();
  };
  process.once('SIGTERM', (signal) => void stop(signal));
  process.once('SIGINT', (signal) => void stop(signal));
}
