import { spawn, type ChildProcess } from 'node:child_process';
import { runCommand } from '../terminal/run-command.ts';

export type Kubectl = {
  /** Runs kubectl with the cluster's kubeconfig and context; a non-zero exit is an error with what it said. */
  readonly run: (args: readonly string[], input?: string) => Promise<string>;
  readonly json: <T>(args: readonly string[]) => Promise<T>;
  /** True when the command succeeded; for questions whose answer may be no. */
  readonly succeeds: (args: readonly string[]) => Promise<boolean>;
  readonly start: (args: readonly string[]) => ChildProcess;
};

const requestTimeout = '--request-timeout=30s';
const commandTimeoutMs = 5 * 60_000;

export function createKubectl(binary: string, connection: readonly string[]): Kubectl {
  const run = async (args: readonly string[], input?: string): Promise<string> => {
    const { code, output } = await runCommand(binary, [...connection, requestTimeout, ...args], {
      timeoutMs: commandTimeoutMs,
      ...(input === undefined ? {} : { input }),
    });
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')} failed: ${output.trim()}`);
    return output;
  };
  return {
    run,
    json: async <T>(args: readonly string[]) => JSON.parse(await run([...args, '-o', 'json'])) as T,
    succeeds: async (args) => {
      const { code } = await runCommand(binary, [...connection, requestTimeout, ...args], {
        timeoutMs: commandTimeoutMs,
      });
      return code === 0;
    },
    start: (args) => spawn(binary, [...connection, ...args], { stdio: ['ignore', 'pipe', 'pipe'] }),
  };
}
