import { spawn } from 'node:child_process';

export type CommandResult = { readonly code: number; readonly output: string };

const outputCharsMax = 4_000_000;

/** Runs one command to its end and keeps what it printed (both streams, in order, bounded). Never throws for an exit code. */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: {
    readonly env?: NodeJS.ProcessEnv;
    readonly cwd?: string;
    readonly timeoutMs: number;
    readonly input?: string;
    readonly onLine?: (line: string) => void;
  },
): Promise<CommandResult> {
  return new Promise<CommandResult>((resolve) => {
    const child = spawn(command, args, {
      env: options.env ?? process.env,
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      timeout: options.timeoutMs,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    child.stdin?.end(options.input);
    let output = '';
    let partial = '';
    const take = (chunk: Buffer): void => {
      const text = chunk.toString('utf8');
      if (output.length < outputCharsMax) output += text;
      if (options.onLine === undefined) return;
      const lines = `${partial}${text}`.split('\n');
      partial = lines.pop() ?? '';
      for (const line of lines) options.onLine(line);
    };
    child.stdout?.on('data', take);
    child.stderr?.on('data', take);
    child.once('error', (error) => resolve({ code: 127, output: `${output}${error.message}\n` }));
    child.once('close', (code, signal) => {
      if (code !== null) resolve({ code, output });
      else
        resolve({
          code: 124,
          output: `${output}${command} was ended by ${signal ?? 'a signal'} (limit ${options.timeoutMs / 1000} s)\n`,
        });
    });
  });
}
