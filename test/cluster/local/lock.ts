import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { lockPath } from './layout.ts';

/**
 * Runs the work while no other process does the same. The kernel holds the lock through a child,
 * which ends with its input: however this process ends, the lock goes with it.
 */
export async function withClusterLock<Result>(work: () => Promise<Result>): Promise<Result> {
  const lock = lockPath();
  await mkdir(dirname(lock), { recursive: true });
  const holder = spawn('flock', [lock, 'sh', '-c', 'echo locked; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(holder.stdout, 'data');
  try {
    return await work();
  } finally {
    holder.stdin.end();
    await once(holder, 'close');
  }
}
