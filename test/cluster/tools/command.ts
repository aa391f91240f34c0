import { runCommand, type CommandOptions } from '../../terminal/run-command.ts';
import { ClusterError } from './cluster-error.ts';

const commandTimeoutMs = 60_000;
const outputTailChars = 4000;

/**
 * Runs a command to its end and gives what it printed to stdout; it is killed when it takes longer than `timeoutMs`,
 * 60 s unless told. Throws CLUSTER_COMMAND_FAILED with the end of what it printed otherwise.
 */
export async function run(
  command: string,
  args: readonly string[],
  options: Partial<Omit<CommandOptions, 'killSignal' | 'onLine'>> = {},
): Promise<string> {
  const { code, stdout, output } = await runCommand(command, args, {
    timeoutMs: commandTimeoutMs,
    killSignal: 'SIGKILL',
    ...options,
  });
  if (code === 0) return stdout;
  throw new ClusterError(
    'CLUSTER_COMMAND_FAILED',
    `\`${[command, ...args].join(' ')}\` ended with ${code}: ${output.trim().slice(-outputTailChars)}`,
  );
}

/** True when the command ends with 0. */
export async function commandSucceeds(command: string, args: readonly string[]): Promise<boolean> {
  const { code } = await runCommand(command, args, {
    timeoutMs: commandTimeoutMs,
    killSignal: 'SIGKILL',
  });
  return code === 0;
}
