import { spawn } from 'node:child_process';
import { ClusterError } from '../tools/cluster-error.ts';

interface CommandOptions {
  input?: string;
  env?: NodeJS.ProcessEnv;
  /** The command is killed when it takes longer; 60 s unless told. */
  timeoutMs?: number;
}

const commandTimeoutMs = 60_000;
const outputTailChars = 2000;

/**
 * Runs a command to its end and gives what it printed to stdout. Throws CLUSTER_COMMAND_FAILED with
 * its stderr otherwise.
 */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const child = spawn(command, args, {
    env: { ...process.env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: options.timeoutMs ?? commandTimeoutMs,
    killSignal: 'SIGKILL',
  });
  const stdout: string[] = [];
  const stderr: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => stdout.push(text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => stderr.push(text));
  // A command that ends before it has read its input is judged by its exit code, not by the broken
  // pipe.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  const { promise, resolve } = Promise.withResolvers<string>();
  child.once('error', (error) => resolve(error.message));
  child.once('close', (code, signal) => resolve(String(code ?? signal)));
  const outcome = await promise;
  if (outcome !== '0') {
    const said = stderr.join('').trim().slice(-outputTailChars);
    throw new ClusterError(
      'CLUSTER_COMMAND_FAILED',
      `\`${[command, ...args].join(' ')}\` ended with ${outcome}: ${said}`,
    );
  }
  return stdout.join('');
}

/** True when the command ends with 0. */
export async function commandSucceeds(command: string, args: readonly string[]): Promise<boolean> {
  return runCommand(command, args).then(
    () => true,
    () => false,
  );
}
