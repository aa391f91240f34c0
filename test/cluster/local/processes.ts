/**
 * Starts, finds and stops the cluster's long-running programs, which outlive the process that
 * started them.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ClusterError } from '../tools/cluster-error.ts';
import { netnsPath, stateFolders } from './layout.ts';
import { eventually } from '../../support/eventually.ts';

/** One long-running program of the cluster. */
export interface Part {
  name: string;
  command: string;
  args: readonly string[];
  /** Folders searched for programs before the usual ones. */
  path?: readonly string[];
  /** Files to write before the start, by absolute path; a change restarts the part. */
  files?: Readonly<Record<string, string>>;
  isReady(): Promise<boolean>;
}

/**
 * Names one run of one program: a process id alone may since have been given to another program.
 */
interface ProcessRecord {
  pid: number;
  startTicks: string;
  bootId: string;
  fingerprint: string;
}

const readyTimeoutMs = 90_000;
const terminateTimeoutMs = 15_000;
const killTimeoutMs = 5000;
const logTailLines = 15;

export const logPath = (name: string): string => join(stateFolders().logs, `${name}.log`);
const pidPath = (name: string): string => join(stateFolders().pids, `${name}.json`);

/**
 * Starts a part unless the same one, with the same files and arguments, is running, and waits until
 * it is ready.
 */
export async function ensurePart(part: Part): Promise<void> {
  const fingerprint = await fingerprintOf(part);
  const running = await runningRecord(part.name);
  if (running?.fingerprint !== fingerprint) {
    await stopPart(part.name);
    await startPart(part, fingerprint);
  }
  await waitReady(part);
}

/** The process id of a part that runs, else undefined. */
export async function runningPid(name: string): Promise<number | undefined> {
  return (await runningRecord(name))?.pid;
}

/**
 * Ends a part politely, then by force, and waits until it is gone. Throws CLUSTER_PART_STUCK when
 * it stays.
 */
export async function stopPart(name: string): Promise<void> {
  const record = await runningRecord(name);
  if (record !== undefined) {
    const isGone = async () => (await runningRecord(name)) === undefined;
    signal(record.pid, 'SIGTERM');
    await eventually(`${name} to end`, terminateTimeoutMs, isGone)
      .catch(async () => {
        signal(record.pid, 'SIGKILL');
        await eventually(`${name} to be killed`, killTimeoutMs, isGone);
      })
      .catch((cause: unknown) => {
        throw new ClusterError('CLUSTER_PART_STUCK', `${name}, process ${record.pid}.`, { cause });
      });
  }
  await rm(pidPath(name), { force: true });
}

/** A process that has ended since it was looked at is what the signal was for. */
function signal(pid: number, name: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) {
      throw error;
    }
  }
}

async function startPart(part: Part, fingerprint: string): Promise<void> {
  for (const [path, content] of Object.entries(part.files ?? {})) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content, { mode: 0o600 });
  }
  const log = logPath(part.name);
  await mkdir(dirname(log), { recursive: true });
  await rename(log, `${log}.previous`).catch(() => undefined);
  const logFile = openSync(log, 'w');
  // nsenter, not `ip netns exec`: the latter remounts /sys, and the kubelet then finds no cgroups.
  // It execs, so the process id stays that of the program.
  const child = spawn('nsenter', [`--net=${netnsPath}`, '--', part.command, ...part.args], {
    detached: true,
    stdio: ['ignore', logFile, logFile],
    cwd: '/',
    env: { HOME: process.env['HOME'], PATH: [...(part.path ?? []), process.env['PATH']].join(':') },
  });
  closeSync(logFile);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  child.once('spawn', resolve);
  child.once('error', reject);
  await promise;
  child.unref();
  const pid = child.pid ?? 0;
  const startTicks = (await processStartTicks(pid)) ?? '';
  const record: ProcessRecord = { pid, startTicks, bootId: await bootId(), fingerprint };
  await mkdir(stateFolders().pids, { recursive: true });
  await writeFile(pidPath(part.name), JSON.stringify(record));
}

async function waitReady(part: Part): Promise<void> {
  let isAlive = true;
  try {
    await eventually(`${part.name} to be ready`, readyTimeoutMs, async () => {
      isAlive = (await runningRecord(part.name)) !== undefined;
      return !isAlive || part.isReady();
    });
  } catch (cause) {
    throw new ClusterError('CLUSTER_PART_FAILED', await lastWords(part.name), { cause });
  }
  if (!isAlive) {
    throw new ClusterError('CLUSTER_PART_FAILED', await lastWords(part.name));
  }
}

/** The name of a part, the path of its log and the log's last lines. */
export async function lastWords(name: string): Promise<string> {
  const log = await readFile(logPath(name), 'utf8').catch(() => '');
  return `${name}, whose log ${logPath(name)} ends:\n${log.trim().split('\n').slice(-logTailLines).join('\n')}`;
}

async function runningRecord(name: string): Promise<ProcessRecord | undefined> {
  const text = await readFile(pidPath(name), 'utf8').catch(() => undefined);
  if (text === undefined) {
    return undefined;
  }
  const record: ProcessRecord = JSON.parse(text);
  const isSame =
    record.bootId === (await bootId()) &&
    record.startTicks === (await processStartTicks(record.pid));
  return isSame ? record : undefined;
}

/**
 * When the process started, in clock ticks since the machine's boot; undefined when it ended
 * (proc(5), `stat`).
 */
async function processStartTicks(pid: number): Promise<string | undefined> {
  const fields = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The second field, the program's name, is in parentheses and may itself hold blanks and
  // parentheses.
  const [state, ...rest] = fields?.slice(fields.lastIndexOf(')') + 2).split(' ') ?? [];
  const startTicksIndex = 18;
  return state === 'Z' ? undefined : rest[startTicksIndex];
}

async function bootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
}

/**
 * Also names the namespace and the authority, so that a part does not go on in a namespace or with
 * keys that are gone.
 */
async function fingerprintOf({ command, args, path, files }: Part): Promise<string> {
  const netns = (await stat(netnsPath)).ino;
  const authority = await readFile(join(stateFolders().pki, 'ca.crt'), 'utf8');
  const identity = JSON.stringify([command, args, path, files, netns, authority]);
  return createHash('sha256').update(identity).digest('hex');
}
