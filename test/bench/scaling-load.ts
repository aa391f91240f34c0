import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { hasFailed, type Read } from './scaling-reads.ts';

const program = fileURLToPath(new URL('../load/read-load.ts', import.meta.url));
/** So many that a pod's part of them is near its fair share wherever a Service sends each. */
const connections = 200;
const secondsMax = 900;
/** Of reads that are looked at, the newest: more than a minute of the highest rate. */
const readsKeptMax = 60_000;

/** Reads at a fixed rate from a process of its own, as clients outside the cluster's pods send them. */
export type ReadLoad = {
  /** The newest reads that have ended, in the order of their end. */
  readonly reads: () => readonly Read[];
  /** Reads that ended since the start, and those that failed by their status; 0 is no answer. */
  readonly counts: () => ReadCounts;
  /** Changes the rate; gives the moment at which the first read was due at the new one. */
  readonly setRate: (readsPerSecond: number) => Promise<number>;
  readonly stop: () => Promise<void>;
};

export type ReadCounts = {
  readonly ended: number;
  readonly failed: Readonly<Record<number, number>>;
};

type Line =
  | { readonly reads: readonly (readonly [number, number, number])[] }
  | { readonly readsPerSecond: number; readonly atMs: number };

export function startReadLoad(
  url: string,
  keys: readonly string[],
  readsPerSecond: number,
): ReadLoad {
  const options = ['--each', `--connections=${connections}`];
  const child = spawn(
    process.execPath,
    [program, ...options, url, String(readsPerSecond), String(secondsMax), ...keys],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  let ended = 0;
  const failed: Record<number, number> = {};
  let reads: Read[] = [];
  const changes: ((atMs: number) => void)[] = [];
  createInterface({ input: child.stdout }).on('line', (text) => {
    const line = JSON.parse(text) as Line;
    if ('atMs' in line) {
      changes.shift()?.(line.atMs);
      return;
    }
    for (const [dueAtMs, latencyMs, status] of line.reads) {
      const read = { dueAtMs, latencyMs, status };
      reads.push(read);
      ended += 1;
      if (hasFailed(read)) failed[status] = (failed[status] ?? 0) + 1;
    }
    if (reads.length > 2 * readsKeptMax) reads = reads.slice(-readsKeptMax);
  });
  const exited = once(child, 'exit');
  return {
    reads: () => reads,
    counts: () => ({ ended, failed: { ...failed } }),
    setRate: async (rate) => {
      const { promise, resolve } = Promise.withResolvers<number>();
      changes.push(resolve);
      child.stdin.write(`${rate}\n`);
      const early = exited.then(() => {
        throw new Error('The load ended before it was told to');
      });
      return Promise.race([promise, early]);
    },
    // It ends with its input, so that it does not outlive this process either.
    stop: async () => {
      child.stdin.end();
      await exited;
    },
  };
}
