/** `npm run faults`: hurts every part of the data plane while it works, and proves that nothing is lost or doubled. */
import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { startCrowd } from './crowd.ts';
import type { Difference } from './difference.ts';
import { createLedger } from './ledger.ts';
import { parseOptions, type Options } from './options.ts';
import { planFaults } from './plan.ts';
import { playFaults } from './play.ts';
import {
  commandsLine,
  differenceLines,
  faultsLine,
  keepEvidence,
  uncleanStopsLine,
} from './report.ts';
import { settle } from './settle.ts';
import { createSightings } from './sightings.ts';
import { startWatch } from './watch.ts';
import { startWorld, type World } from './world.ts';

const minuteMs = 60_000;
const seedMax = 2 ** 31;
/** Starting, undoing the last faults, and every last check at its bound. */
const overtimeMsMax = 25 * minuteMs;
const interruptedCode = 130;

const print = (line: string): void => void process.stdout.write(`${line}\n`);

const parsed = parseOptions(process.argv.slice(2), randomInt(seedMax));
if (parsed.ok) {
  process.exit(await runOnce(parsed.options));
} else {
  process.stdout.write(parsed.message);
  process.exitCode = parsed.exitCode;
}

/** The exit code: 0 when all agrees, 1 with a difference, 2 when the run itself failed, 130 when it was interrupted. */
async function runOnce(options: Options): Promise<number> {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      // The second time somebody means it; the children die with this process.
      if (interrupted.signal.aborted) process.exit(interruptedCode);
      interrupted.abort();
    });
  }
  setTimeout(
    () => {
      print('FAILED  The run did not end by itself.');
      process.exit(2);
    },
    options.minutes * minuteMs + overtimeMsMax,
  ).unref();

  print(`seed ${options.seed}, ${options.minutes} min`);
  let world: World | undefined;
  try {
    world = await startWorld((what) => print(`starting: ${what}`));
    const difference = await hurtAndCheck(world, options, interrupted.signal);
    if (interrupted.signal.aborted) return interruptedCode;
    print(difference === null ? `seed ${options.seed}: passed` : `seed ${options.seed}: FAILED`);
    return difference === null ? 0 : 1;
  } catch (error) {
    print(`FAILED  ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return 2;
  } finally {
    await world?.stop();
  }
}

async function hurtAndCheck(
  world: World,
  { seed, minutes }: Options,
  interrupted: AbortSignal,
): Promise<Difference | null> {
  const startedMs = performance.now();
  const durationMs = minutes * minuteMs;
  const over = new AbortController();
  const giveUp = AbortSignal.any([interrupted, over.signal]);
  if (world.leftOut !== null) print(`left out: ${world.leftOut}`);
  const plan = planFaults(seed, durationMs, world.targetNames);
  const faults = playFaults({ plan, durationMs }, world, giveUp);
  const ledger = createLedger(seed);
  const sightings = createSightings();
  const crowd = startCrowd(world, seed, { ledger, sightings, faults: faults.faults });
  const watch = startWatch(world, seed, { ledger, sightings });
  const report = (): void => {
    const elapsed = ((performance.now() - startedMs) / minuteMs).toFixed(1);
    const checked = `${watch.rounds()} rounds of checks, ${watch.documentsRead()} documents read`;
    print(`${elapsed} min  ${commandsLine(ledger.counts())}; ${checked}`);
  };
  const minutely = setInterval(report, minuteMs);

  const whole = delay(durationMs, null, { signal: giveUp }).catch(() => null);
  const early = await Promise.race([whole, watch.difference, faults.done.then(() => whole)]);
  if (early !== null) over.abort();
  // Clients go on until the last fault is undone, so that each recovery is met by commands.
  await faults.done;
  await crowd.stopWriting();
  await watch.stop();
  clearInterval(minutely);
  report();
  print(faultsLine(faults.faults()));
  crowd.lines().forEach(print);
  const unclean = uncleanStopsLine(world.programs);
  if (unclean !== null) print(unclean);
  if (interrupted.aborted) return null;

  print('checking: everything arrives and agrees');
  const difference = early ?? (await watch.difference) ?? (await settle(world, crowd));
  await crowd.leave();
  if (difference !== null) {
    process.stdout.write(differenceLines(difference));
    const evidence = { world, ledger, faults: faults.faults() };
    print(`evidence: ${await keepEvidence(seed, difference, evidence)}`);
  }
  return difference;
}
