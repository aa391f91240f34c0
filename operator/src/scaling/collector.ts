import { systemClock, type Clock } from '../kube/clock.ts';
import type { KubeLogger } from '../kube/logger.ts';
import type { PodRef, PodStatusReader } from '../pods/pod-status.ts';
import { demandOf, worthTelling, type ReadDemand, type Told } from './demand.ts';
import type { Floor, ReadScaling } from './floor.ts';
import type { Poll } from './polling.ts';
import type { RatesOutcome } from './rate-window.ts';
import {
  firstReads,
  follow,
  forgetOld,
  hear,
  pollAfter,
  reckon,
  type EndedPoll,
  type ServiceReads,
} from './service-reads.ts';

/** A CqrsService by key (`namespace/name`), its ready query pods, and what decides how many there are. */
export type CollectedService = {
  readonly key: string;
  readonly pods: readonly PodRef[];
  readonly scaling: ReadScaling;
  /** What its autoscaler was last given as `minReplicas`; undefined while it has none. */
  readonly liveFloor: number | undefined;
};

export type ReadsCollectorOptions = {
  readonly reader: PodStatusReader;
  /** Asked at every tick, so it must answer from caches. */
  readonly services: () => readonly CollectedService[];
  /** The floor of this service is another, or (at most once in `tellIntervalMsMin`) its demand is worth telling. */
  readonly onChange?: (key: string) => void;
  readonly logger: KubeLogger;
  readonly clock?: Clock;
};

export type ReadsCollector = {
  start(): void;
  /** Resolves when no poll is under way any more. */
  stop(): Promise<void>;
  /** `atMs` is in milliseconds since the epoch. */
  demand(key: string): ReadDemand;
  /** The floor under a service's query pods; undefined for a service that is not known. */
  floor(key: string): Floor | undefined;
};

/** At each tick due pods are polled; some ticks also follow the caches, or tell what changed. */
export const collectorTicks = { tickMs: 25, followEveryTicks: 4, tellEveryTicks: 40 } as const;
const { tickMs, followEveryTicks, tellEveryTicks } = collectorTicks;
// A pod at rest holds one of these nearly always; each costs its answer's connection and a few kilobytes.
const pollsInFlightMax = 4096;

/** Polls every ready query pod and keeps what each service is asked for. Pods do not wait for one another. */
export function createReadsCollector(options: ReadsCollectorOptions): ReadsCollector {
  return new Collector(options);
}

type PodPoll = { readonly pod: PodRef; dueMs: number; hold: Poll['hold']; inFlight: boolean };

type Service = {
  reads: ServiceReads;
  polls: Map<string, PodPoll>;
  /** Polls that ended since the last tick. */
  ended: Map<PodPoll, EndedPoll>;
  told: Told | undefined;
};

class Collector implements ReadsCollector {
  readonly #options: ReadsCollectorOptions;
  readonly #clock: Clock;
  readonly #stopping = new AbortController();
  readonly #services = new Map<string, Service>();
  readonly #underWay = new Set<Promise<void>>();
  #ticks = 0;
  #cancelTick: () => void = () => undefined;

  constructor(options: ReadsCollectorOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  start(): void {
    this.#tick();
  }

  async stop(): Promise<void> {
    this.#cancelTick();
    this.#stopping.abort();
    await Promise.all(this.#underWay);
  }

  demand(key: string): ReadDemand {
    const service = this.#services.get(key);
    if (service === undefined) {
      return { state: 'unknown', message: `No CqrsService ${key} with query pods is known` };
    }
    const nowMs = this.#clock.now();
    const demand = demandOf(service.reads.window, service.reads.ready, nowMs);
    if (demand.state !== 'fresh') return demand;
    // Windows run on the clock that never jumps; whoever asks wants the time of day.
    return { ...demand, atMs: this.#clock.wallNow() - (nowMs - demand.atMs) };
  }

  floor(key: string): Floor | undefined {
    return this.#services.get(key)?.reads.floor;
  }

  #tick(): void {
    this.#cancelTick = this.#clock.schedule(tickMs, () => this.#tick());
    if (this.#ticks % followEveryTicks === 0) this.#follow(this.#options.services());
    this.#reckon();
    this.#poll();
    this.#ticks += 1;
    if (this.#ticks % tellEveryTicks === 0) this.#tell();
  }

  #follow(services: readonly CollectedService[]): void {
    const keys = new Set(services.map((service) => service.key));
    for (const key of this.#services.keys()) {
      if (!keys.has(key)) this.#services.delete(key);
    }
    for (const followed of services) {
      const { key, pods, scaling } = followed;
      const service = this.#services.get(key) ?? newService(followed, this.#clock.now());
      this.#services.set(key, service);
      const polls = new Map<string, PodPoll>();
      for (const pod of pods) polls.set(pod.name, pollOf(pod, service.polls.get(pod.name)));
      service.polls = polls;
      const ready = new Set(polls.keys());
      service.reads = follow(service.reads, scaling, ready, this.#clock.now());
    }
  }

  #poll(): void {
    const nowMs = this.#clock.now();
    const due = [...this.#services].flatMap(([key, service]) =>
      [...service.polls.values()]
        .filter((poll) => !poll.inFlight && poll.dueMs <= nowMs)
        .map((poll) => ({ key, service, poll })),
    );
    // Who waited longest goes first, so that under the bound everybody gets a turn.
    due.sort((a, b) => a.poll.dueMs - b.poll.dueMs);
    for (const { key, service, poll } of due.slice(0, pollsInFlightMax - this.#underWay.size)) {
      const done = this.#read(key, service, poll).finally(() => this.#underWay.delete(done));
      this.#underWay.add(done);
    }
  }

  async #read(key: string, service: Service, poll: PodPoll): Promise<void> {
    const startedMs = this.#clock.now();
    poll.inFlight = true;
    try {
      const { reader } = this.#options;
      const status = await reader.read(poll.pod, this.#stopping.signal, poll.hold);
      if (status.program !== 'query') throw new Error(`Pod runs ${status.program}, not query`);
      service.reads = hear(service.reads, {
        pod: poll.pod.name,
        bootId: status.bootId,
        reads: status.readsServed + status.readsRefused + status.readsQueued,
        atMs: this.#clock.now(),
      });
    } catch (err) {
      // Not a fault of ours: the pod counts as silent, and the demand says so when too many are.
      this.#options.logger.debug({ err, service: key, pod: poll.pod.name }, 'Reads not counted');
    } finally {
      service.ended.set(poll, { pod: poll.pod.name, startedMs, endedMs: this.#clock.now() });
    }
  }

  // Once for all answers of a service since the last tick: to look at every pod for each of them would cost their square.
  #reckon(): void {
    for (const [key, service] of this.#services) {
      if (service.ended.size === 0) continue;
      const nowMs = this.#clock.now();
      const found = this.#decide(key, service, nowMs);
      for (const [poll, ended] of service.ended) {
        Object.assign(poll, pollAfter(ended, service.reads, found, nowMs), { inFlight: false });
      }
      service.ended.clear();
    }
  }

  #decide(key: string, service: Service, nowMs: number): RatesOutcome {
    const { replicas } = service.reads.floor;
    const { reads, found } = reckon(service.reads, nowMs);
    service.reads = reads;
    if (reads.floor.replicas !== replicas) this.#options.onChange?.(key);
    return found;
  }

  #tell(): void {
    const nowMs = this.#clock.now();
    for (const [key, service] of this.#services) {
      service.reads = forgetOld(service.reads, nowMs);
      this.#decide(key, service, nowMs);
      const demand = demandOf(service.reads.window, service.reads.ready, nowMs);
      if (!worthTelling(service.told, demand, nowMs)) continue;
      service.told = { demand, atMs: nowMs };
      this.#options.onChange?.(key);
    }
  }
}

function newService({ scaling, liveFloor }: CollectedService, nowMs: number): Service {
  return {
    reads: firstReads(scaling, liveFloor ?? 0, nowMs),
    polls: new Map(),
    ended: new Map(),
    told: undefined,
  };
}

// A pod of the same name with another address is another pod; its first poll is due at once.
function pollOf(pod: PodRef, known: PodPoll | undefined): PodPoll {
  return known?.pod.ip === pod.ip ? known : { pod, dueMs: 0, hold: undefined, inFlight: false };
}
