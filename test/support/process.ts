import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run as runProgram } from '../cluster/tools/command.ts';
import { eventually } from './eventually.ts';
import { freePort } from './loopback-port.ts';
import { unmountBelow } from './small-disk.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const outputCharsMax = 2_000_000;
const stopMsMax = 30_000;
const liveMsMax = 30_000;
const readyMsMax = 60_000;

const atExit = new Set<() => void>();
process.once('exit', () => atExit.forEach((clean) => clean()));

/** Runs a program to its end and gives its stdout; throws with what it printed when it fails or takes longer than `timeoutMs`. */
export async function run(
  command: readonly string[],
  options: { readonly timeoutMs: number; readonly env?: NodeJS.ProcessEnv },
): Promise<string> {
  const [file = '', ...args] = command;
  return runProgram(file, args, options);
}

/** A child process that ends with this one, whichever way this one ends. */
export type Child = {
  readonly pid: number;
  readonly running: () => boolean;
  readonly output: () => string;
  readonly signal: (signal: NodeJS.Signals) => void;
  readonly kill: () => Promise<void>;
  /** Sends `signal` and waits; SIGKILL after a bound. Gives the exit code, null when a signal ended it. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<number | null>;
};

/** Linux kills the child when its parent dies, so that a killed test run leaves no store behind. */
const tied = process.platform === 'linux' ? ['setpriv', '--pdeathsig=KILL'] : [];

export async function startChild(
  command: readonly string[],
  options: { readonly cwd: string; readonly user?: string; readonly env?: NodeJS.ProcessEnv },
): Promise<Child> {
  const { user } = options;
  const asUser = user === undefined ? [] : [`--reuid=${user}`, `--regid=${user}`, '--clear-groups'];
  const [file = '', ...args] = [...tied, ...asUser, ...command];
  const child = spawn(file, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-outputCharsMax);
    });
  }
  const killAtExit = (): void => void child.kill('SIGKILL');
  atExit.add(killAtExit);
  child.once('exit', () => atExit.delete(killAtExit));
  await once(child, 'spawn');
  const running = (): boolean => child.exitCode === null && child.signalCode === null;
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> => {
    await endProcess(child, signal, running);
    return child.exitCode;
  };
  return {
    pid: child.pid ?? 0,
    running,
    output: () => output,
    signal: (signal) => void child.kill(signal),
    kill: async () => void (await stop('SIGKILL')),
    stop,
  };
}

async function endProcess(
  child: ChildProcess,
  signal: NodeJS.Signals,
  running: () => boolean,
): Promise<void> {
  if (!running()) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), stopMsMax);
  await exited;
  clearTimeout(timer);
}

const folderPrefix = 'cqrs-test-';

/** A temp folder that goes when this process ends; folders of processes that were killed go when the next one asks. */
export async function temporaryFolder(name: string): Promise<string> {
  for (const entry of await readdir(tmpdir())) {
    const pid = new RegExp(`^${folderPrefix}(\\d+)-`).exec(entry)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) {
      unmountBelow(join(tmpdir(), entry));
      await rm(join(tmpdir(), entry), { recursive: true, force: true });
    }
  }
  const folder = await mkdtemp(join(tmpdir(), `${folderPrefix}${process.pid}-${name}-`));
  atExit.add(() => {
    unmountBelow(folder);
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

export type TestService = {
  /** Base URLs on loopback. */
  readonly http: string;
  readonly ops: string;
  readonly pid: number;
  readonly running: () => boolean;
  readonly status: <T>() => Promise<T>;
  readonly ready: (timeoutMs?: number) => Promise<void>;
  readonly output: () => string;
  readonly kill: (signal?: NodeJS.Signals) => Promise<void>;
  readonly stop: () => Promise<number | null>;
};

/** Runs a program of services/ as the image does: a real process with environment and configuration file. */
export async function startService(options: {
  readonly program: 'command' | 'relay' | 'projector' | 'query';
  readonly config: object;
  readonly env?: Readonly<Record<string, string>>;
}): Promise<TestService> {
  const folder = await temporaryFolder(options.program);
  const configFile = join(folder, 'config.json');
  await writeFile(configFile, JSON.stringify(options.config));
  const [httpPort, opsPort] = [await freePort(), await freePort()];
  const child = await startChild(
    [process.execPath, join(root, 'services', options.program, 'src/main.ts')],
    {
      cwd: root,
      env: {
        CQRS_CONFIG_FILE: configFile,
        CQRS_HTTP_PORT: String(httpPort),
        CQRS_OPS_PORT: String(opsPort),
        ...options.env,
      },
    },
  );
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    const code = await child.stop(signal);
    await rm(folder, { recursive: true, force: true });
    return code;
  };
  const ops = `http://127.0.0.1:${opsPort}`;
  const answers = async (path: string): Promise<boolean> => {
    if (!child.running()) throw new Error(`${options.program} ended:\n${child.output()}`);
    return fetch(ops + path).then(
      async (answer) => (await answer.text()) !== '' && answer.ok,
      () => false,
    );
  };
  await eventually(`${options.program} to start`, liveMsMax, () => answers('/livez'));
  return {
    http: `http://127.0.0.1:${httpPort}`,
    ops,
    pid: child.pid,
    running: child.running,
    output: child.output,
    status: async <T>() => (await (await fetch(`${ops}/status`)).json()) as T,
    ready: async (timeoutMs = readyMsMax) => {
      await eventually(`${options.program} to be ready`, timeoutMs, () => answers('/readyz')).catch(
        (cause: unknown) => {
          throw new Error(`not ready:\n${child.output().slice(-4000)}`, { cause });
        },
      );
    },
    kill: async (signal = 'SIGKILL') => void (await end(signal)),
    stop: () => end('SIGTERM'),
  };
}
