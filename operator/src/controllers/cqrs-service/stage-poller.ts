import type { Clock } from '../../kube/clock.ts';
import type { PodRef, PodStatusReader } from '../../pods/pod-status.ts';
import { factsOf, isMoving, readingFrom, type StageReading } from './stage-reading.ts';

/** A pod of a stage: `key` is its CqrsService. */
export type StagePod = PodRef & { readonly key: string; readonly uid: string };

export type StagePollerOptions = {
  readonly reader: PodStatusReader;
  readonly clock: Clock;
  /** Asked at every tick, so it must answer from caches. */
  readonly pods: () => readonly StagePod[];
  /** What a status would show of this CqrsService has changed. */
  readonly onChange: (key: string) => void;
  /** How often a pod is asked with which all is well. */
  readonly settledIntervalMs: number;
};

export type StagePoller = {
  start(): void;
  stop(): Promise<void>;
  /** What the pod said last; undefined before it was asked, and when that is longer ago than `ageMsMax`. */
  reading(podUid: string, ageMsMax?: number): StageReading | undefined;
};

const tickMs = 500;
// While something is amiss or catches up, people watch.
const movingIntervalMs = 1000;
// A pod that does not answer holds one of these for the reader's time bound.
const readsInFlightMax = 32;

type Polled = {
  dueAtMs: number;
  inFlight: boolean;
  reading: StageReading | undefined;
  readAtMs: number;
  /** What the CqrsService was last enqueued for, and when. */
  told: StageReading | undefined;
  toldAtMs: number;
};

/**
 * Asks the pods of relays, projectors and of whatever is not ready what stands in their way, apart from reconciling, so
 * that no pass ever waits for a pod. A CqrsService is enqueued only when an answer has changed.
 */
export function createStagePoller(options: StagePollerOptions): StagePoller {
  const { clock, reader } = options;
  const polled = new Map<string, Polled>();
  const underWay = new Set<Promise<void>>();
  const stopping = new AbortController();
  let cancelTick: (() => void) | undefined;

  const read = async (pod: StagePod, poll: Polled): Promise<void> => {
    poll.inFlight = true;
    const reading = await readingOf(reader, pod, stopping.signal);
    poll.reading = reading;
    poll.readAtMs = clock.now();
    poll.inFlight = false;
    poll.dueAtMs = clock.now() + (isMoving(reading) ? movingIntervalMs : options.settledIntervalMs);
    if (stopping.signal.aborted || !isNews(poll, reading)) return;
    poll.told = reading;
    poll.toldAtMs = clock.now();
    options.onChange(pod.key);
  };

  // Each is a write of a status: numbers that move with every reading are told as often as a settled pod is asked.
  const isNews = ({ told, toldAtMs }: Polled, reading: StageReading): boolean => {
    if (told === undefined || !isSame(factsOf(told), factsOf(reading))) return true;
    return clock.now() - toldAtMs >= options.settledIntervalMs && !isSame(told, reading);
  };

  const tick = (): void => {
    cancelTick = clock.schedule(tickMs, tick);
    const pods = options.pods();
    forgetOthers(polled, new Set(pods.map((pod) => pod.uid)));
    const due = pods
      .map((pod) => ({ pod, poll: pollOf(polled, pod.uid) }))
      .filter(({ poll }) => !poll.inFlight && poll.dueAtMs <= clock.now())
      .toSorted((one, other) => one.poll.dueAtMs - other.poll.dueAtMs)
      .slice(0, readsInFlightMax - underWay.size);
    for (const { pod, poll } of due) {
      const done = read(pod, poll).finally(() => underWay.delete(done));
      underWay.add(done);
    }
  };

  return {
    start: tick,
    async stop() {
      cancelTick?.();
      stopping.abort();
      await Promise.all(underWay);
    },
    reading(podUid, ageMsMax = Infinity) {
      const poll = polled.get(podUid);
      return poll !== undefined && clock.now() - poll.readAtMs <= ageMsMax
        ? poll.reading
        : undefined;
    },
  };
}

async function readingOf(
  reader: PodStatusReader,
  pod: StagePod,
  signal: AbortSignal,
): Promise<StageReading> {
  try {
    return readingFrom(await reader.read(pod, signal));
  } catch (error) {
    return {
      outcome: 'unreachable',
      message: error instanceof Error ? error.message : String(error),
    };
  }
}

function isSame(one: object, other: object): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function pollOf(polled: Map<string, Polled>, uid: string): Polled {
  const known = polled.get(uid);
  if (known !== undefined) return known;
  const fresh: Polled = {
    dueAtMs: 0,
    inFlight: false,
    reading: undefined,
    readAtMs: 0,
    told: undefined,
    toldAtMs: 0,
  };
  polled.set(uid, fresh);
  return fresh;
}

function forgetOthers(polled: Map<string, Polled>, present: ReadonlySet<string>): void {
  for (const uid of polled.keys()) {
    if (!present.has(uid)) polled.delete(uid);
  }
}
