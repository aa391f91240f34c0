import { spawn } from 'node:child_process';

/** How a command ended: what it printed to stdout alone, and both streams as a terminal shows them. */
export type CommandResult = {
  readonly code: number;
  readonly stdout: string;
  readonly output: string;
};

export type CommandOptions = {
  /** Beside the variables of this process. */
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly timeoutMs: number;
  /** What ends a command that takes longer; SIGTERM unless told. */
  readonly killSignal?: NodeJS.Signals;
  readonly input?: string;
  readonly onLine?: (line: string) => void;
};

const outputCharsMax = 4_000_000;

/**
 * Runs one command to its end and keeps the beginning of what it printed. Never throws for an exit code: 127 is a
 * command that is not there, 124 one that a signal ended, as a shell has them.
 */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  const child = spawn(command, args, {
    env: { ...process.env, ...options.env },
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    timeout: options.timeoutMs,
    killSignal: options.killSignal ?? 'SIGTERM',
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  // A command that ends before it has read its input is judged by its exit code, not by the broken pipe.
  child.stdin?.on('error', () => undefined).end(options.input);
  let stdout = '';
  let output = '';
  let partial = '';
  const take = (text: string): void => {
    if (output.length < outputCharsMax) output += text;
    if (options.onLine === undefined) return;
    const lines = `${partial}${text}`.split('\n');
    partial = lines.pop() ?? '';
    for (const line of lines) options.onLine(line);
  };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    if (stdout.length < outputCharsMax) stdout += text;
    take(text);
  });
  child.stderr?.setEncoding('utf8').on('data', take);
  return new Promise((resolve) => {
    child.once('error', ({ message }) =>
      resolve({ code: 127, stdout, output: `${output}${message}\n` }),
    );
    child.once('close', (code, signal) => {
      const ended = `${command} was ended by ${signal ?? 'a signal'} (limit ${options.timeoutMs / 1000} s)\n`;
      resolve(
        code === null
          ? { code: 124, stdout, output: `${output}${ended}` }
          : { code, stdout, output },
      );
    });
  });
}
