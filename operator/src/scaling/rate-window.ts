/**
 * Reads per second of one service from the counters of its query pods. Time is an argument, in milliseconds.
 *
 * A counter's growth between two samples is spread evenly over the time between them, and a rate is the growth
 * inside a window divided by the window. So a pod that came, left or restarted inside the window counts with what
 * it did in it, and the rates of a service whose load only moves from one pod to another stay the same.
 */

/**
 * The windows end at each pod's latest sample. `burst` shows a rise at once and with much noise, `fast` soon; `stable`
 * smooths what comes and goes.
 */
export const rateWindowMs = { burst: 1_000, fast: 2_000, stable: 30_000 } as const;

/** A ready pod that was not heard for longer is silent: its old numbers are not used. */
export const silentMsMax = 3_000;

/** No rate is told before counters were seen to grow for this long. */
export const observedMsMin = 1_000;

/**
 * Growth is kept in steps no finer than these, the older ones for the stable window alone: what is kept, and the time to
 * look at it, is bounded to 100 fine and 52 coarse steps a pod.
 */
const stepMsMin = 40;
const oldMsMin = 4_000;
const oldStepMsMin = 500;

/** What one poll of one pod said: `reads` counts since the start of the process that `bootId` names. */
export type ReadSample = {
  readonly pod: string;
  readonly bootId: string;
  readonly reads: number;
  readonly atMs: number;
};

type Step = { readonly fromMs: number; readonly toMs: number; readonly reads: number };

type PodCounter = {
  readonly bootId: string;
  readonly reads: number;
  readonly atMs: number;
  readonly steps: readonly Step[];
};

export type RateWindow = {
  /** Time of the first sample; undefined before it. */
  readonly sinceMs: number | undefined;
  readonly pods: ReadonlyMap<string, PodCounter>;
  /** Since when each ready pod is known to be ready. */
  readonly readySinceMs: ReadonlyMap<string, number>;
};

export const emptyRateWindow: RateWindow = {
  sinceMs: undefined,
  pods: new Map(),
  readySinceMs: new Map(),
};

/** Takes in which pods are ready now. */
export function followReady(
  window: RateWindow,
  ready: ReadonlySet<string>,
  nowMs: number,
): RateWindow {
  const known = window.readySinceMs;
  if (known.size === ready.size && [...ready].every((name) => known.has(name))) return window;
  const since = [...ready].map((name) => [name, known.get(name) ?? nowMs] as const);
  return { ...window, readySinceMs: new Map(since) };
}

/** Takes in one sample. One that is not newer than the pod's last is dropped, so time never runs backwards. */
export function observe(window: RateWindow, sample: ReadSample): RateWindow {
  const before = window.pods.get(sample.pod);
  if (before !== undefined && sample.atMs <= before.atMs) return window;
  const { bootId, reads, atMs } = sample;
  const steps = before === undefined ? [] : append(before.steps, stepBetween(before, sample));
  const kept = thinned(steps, atMs).filter((step) => step.toMs > atMs - rateWindowMs.stable);
  return {
    ...window,
    sinceMs: window.sinceMs ?? atMs,
    pods: new Map(window.pods).set(sample.pod, { bootId, reads, atMs, steps: kept }),
  };
}

function stepBetween(before: PodCounter, sample: ReadSample): Step {
  // A new process counts from zero, and it started after the last sample: all it counted is new. A counter that
  // fell within one process tells nothing about what happened in between, so it only is the new base.
  const grown = sample.bootId === before.bootId ? sample.reads - before.reads : sample.reads;
  return { fromMs: before.atMs, toMs: sample.atMs, reads: Math.max(0, grown) };
}

function append(steps: readonly Step[], step: Step): readonly Step[] {
  const last = steps.at(-1);
  if (last === undefined || last.toMs - last.fromMs >= stepMsMin) return [...steps, step];
  return [...steps.slice(0, -1), joined(last, step)];
}

function thinned(steps: readonly Step[], nowMs: number): readonly Step[] {
  const kept: Step[] = [];
  for (const step of steps) {
    const last = kept.at(-1);
    const isShort = last !== undefined && last.toMs - last.fromMs < oldStepMsMin;
    if (isShort && step.toMs <= nowMs - oldMsMin) kept[kept.length - 1] = joined(last, step);
    else kept.push(step);
  }
  return kept;
}

function joined(one: Step, next: Step): Step {
  return { fromMs: one.fromMs, toMs: next.toMs, reads: one.reads + next.reads };
}

/** Forgets pods that are no longer ready and did nothing within the stable window. */
export function prune(window: RateWindow, ready: ReadonlySet<string>, nowMs: number): RateWindow {
  const gone = (name: string, pod: PodCounter): boolean =>
    !ready.has(name) && pod.atMs <= nowMs - rateWindowMs.stable;
  const kept = [...window.pods].filter(([name, pod]) => !gone(name, pod));
  return kept.length === window.pods.size ? window : { ...window, pods: new Map(kept) };
}

/** Reads per second over the windows; `atMs` is the time of the newest sample in them. */
export type ReadRates = {
  readonly burst: number;
  readonly fast: number;
  readonly stable: number;
  /** What each pod was asked in both of its last two steps at least: reads that came at one moment are in one of them. */
  readonly sustained: number;
  readonly atMs: number;
};

/** Expected outcomes in place of rates: how many of the ready pods are heard, or that it is too early to tell. */
export type RatesOutcome =
  | { readonly outcome: 'rates'; readonly rates: ReadRates }
  | { readonly outcome: 'silent'; readonly ready: number; readonly heard: number }
  | { readonly outcome: 'too early' };

/**
 * The rates now. A silent pod counts as the mean of those that are heard, because a Service spreads connections
 * evenly; but with fewer than half of them heard (or none ready) there is no answer rather than a guess. A pod that
 * became ready just now, or again, and was not heard since counts for nothing: what the windows hold was asked of the others.
 */
export function ratesOf(
  window: RateWindow,
  ready: ReadonlySet<string>,
  nowMs: number,
): RatesOutcome {
  const heard = [...window.pods].filter(
    ([name, pod]) => ready.has(name) && nowMs - pod.atMs <= silentMsMax,
  );
  const counted = ready.size - newcomers(window, ready, nowMs);
  if (heard.length === 0 || heard.length * 2 < counted) {
    return { outcome: 'silent', ready: ready.size, heard: heard.length };
  }
  const atMs = Math.max(...heard.map(([, pod]) => pod.atMs));
  const observedMs = window.sinceMs === undefined ? 0 : atMs - window.sinceMs;
  if (observedMs < observedMsMin) return { outcome: 'too early' };

  const departed = [...window.pods].filter(([name]) => !ready.has(name));
  const ofAll = (heardOnes: number): number => (heardOnes * counted) / heard.length;
  const perSecond = (windowMs: number): number => {
    const here = sum(heard.map(([, pod]) => readsWithin(pod, pod.atMs - windowMs, pod.atMs)));
    const left = sum(departed.map(([, pod]) => readsWithin(pod, nowMs - windowMs, nowMs)));
    return ((ofAll(here) + left) * 1000) / Math.min(windowMs, observedMs);
  };
  return {
    outcome: 'rates',
    rates: {
      burst: perSecond(rateWindowMs.burst),
      fast: perSecond(rateWindowMs.fast),
      stable: perSecond(rateWindowMs.stable),
      sustained: ofAll(sum(heard.map(([, pod]) => sustainedOf(pod)))),
      atMs,
    },
  };
}

/** How many became ready while others were heard already, and could not be heard yet. */
function newcomers(window: RateWindow, ready: ReadonlySet<string>, nowMs: number): number {
  const since = window.sinceMs ?? nowMs;
  return [...ready].filter((name) => {
    const readyMs = window.readySinceMs.get(name) ?? -Infinity;
    const heardMs = window.pods.get(name)?.atMs ?? -Infinity;
    return heardMs < readyMs && readyMs > since && nowMs - readyMs <= silentMsMax;
  }).length;
}

/** Reads per second of the pod's newest step, and how many it was asked since its start; undefined before two samples. */
export function newestOf(
  window: RateWindow,
  pod: string,
): { readonly perSecond: number; readonly reads: number } | undefined {
  const counter = window.pods.get(pod);
  const step = counter?.steps.at(-1);
  if (counter === undefined || step === undefined) return undefined;
  return { perSecond: rateOf(step), reads: counter.reads };
}

function sustainedOf({ steps }: PodCounter): number {
  const [last, before] = [steps.at(-1), steps.at(-2)];
  return last === undefined || before === undefined ? 0 : Math.min(rateOf(last), rateOf(before));
}

function rateOf({ fromMs, toMs, reads }: Step): number {
  return (reads * 1000) / (toMs - fromMs);
}

function readsWithin(pod: PodCounter, fromMs: number, toMs: number): number {
  let reads = 0;
  // Steps follow one another, so before the window's start there is nothing more to look at.
  for (let place = pod.steps.length - 1; place >= 0; place -= 1) {
    const step = pod.steps[place];
    if (step === undefined || step.toMs <= fromMs) break;
    const overlapMs = Math.min(step.toMs, toMs) - Math.max(step.fromMs, fromMs);
    if (overlapMs > 0) reads += (step.reads * overlapMs) / (step.toMs - step.fromMs);
  }
  return reads;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
