import { readFile } from 'node:fs/promises';

// The unit of /proc, which Linux fixes for programs (USER_HZ).
const ticksPerSecond = 100;

/** Gives a function that tells the seconds of processor time that the processes took since now, all threads together. */
export async function cpuClock(pids: readonly number[]): Promise<() => Promise<number>> {
  const taken = async (): Promise<number> => {
    const seconds = await Promise.all(pids.map(cpuSecondsOf));
    return seconds.reduce((sum, each) => sum + each, 0);
  };
  const before = await taken();
  return async () => (await taken()) - before;
}

async function cpuSecondsOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The second field is a name in brackets; user and system time are the 14th and 15th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}
