import type { Informer } from './kube/informer.ts';
import type { KubeObject } from './kube/object.ts';
import type { PassUnderWay } from './progress.ts';

/** What one informer says about itself. */
export type CacheHealth = ReturnType<Informer<KubeObject>['health']> & {
  readonly resource: string;
};

export type Health = { readonly ok: boolean; readonly problems: readonly string[] };

// A watch hears a bookmark every minute and its watchdog reconnects a silent one after about 120 s, so a cache
// this old is behind the cluster.
const readySilenceMsMax = 3 * 60_000;

// The watchdog has failed for so long that a new process, with new connections and credentials, is worth a try.
const liveSilenceMsMax = 15 * 60_000;

// A pass is told to end after two minutes (kube/controller.ts); one that goes on holds its key and its worker.
const livePassMsMax = 5 * 60_000;

export function cachesHealth(informers: readonly Informer<KubeObject>[]): readonly CacheHealth[] {
  return informers.map((informer) => ({ resource: informer.type.plural, ...informer.health() }));
}

/**
 * Ready: every cache holds what the cluster holds, and the metrics API (undefined where it is not wanted) listens,
 * since the Service in front of it sends the HPA's questions to ready replicas only.
 */
export function readiness(
  caches: readonly CacheHealth[],
  nowMs: number,
  servesMetricsApi: boolean | undefined,
): Health {
  const problems = caches.flatMap((cache) => {
    if (!cache.synced) return [`${cache.resource}: not listed yet${because(cache)}`];
    return silence(cache, nowMs, readySilenceMsMax);
  });
  if (servesMetricsApi === false) problems.push('metrics API: no serving certificate yet');
  return healthOf(problems);
}

/** Live: false only when a restart is the remedy. */
export function liveness(
  caches: readonly CacheHealth[],
  nowMs: number,
  oldestPass: PassUnderWay | undefined,
): Health {
  const problems = caches.flatMap((cache) => silence(cache, nowMs, liveSilenceMsMax));
  if (oldestPass !== undefined && oldestPass.ageMs > livePassMsMax) {
    const { key, ageMs } = oldestPass;
    problems.push(`${key}: its pass has not ended for ${Math.round(ageMs / 1000)} s`);
  }
  return healthOf(problems);
}

function silence(cache: CacheHealth, nowMs: number, silenceMsMax: number): string[] {
  if (cache.lastContactAtMs === 0) return [];
  const silentMs = nowMs - cache.lastContactAtMs;
  if (silentMs <= silenceMsMax) return [];
  return [`${cache.resource}: nothing heard for ${Math.round(silentMs / 1000)} s${because(cache)}`];
}

function because({ trouble }: CacheHealth): string {
  return trouble === undefined ? '' : `, because ${trouble}`;
}

function healthOf(problems: readonly string[]): Health {
  return { ok: problems.length === 0, problems };
}
