/** A query pod that is played: it counts the reads that it is asked, and is asked some from when it is Ready. */
export type PlayedPod = { readonly name: string; readonly readyAtMs: number; reads: number };

export type Scaling = { readonly nowMs: number; readonly startMs: number };

/** As many pods as asked for: new ones are Ready after `startMs`, and the newest go first. */
export function resized(
  pods: readonly PlayedPod[],
  replicas: number,
  { nowMs, startMs }: Scaling,
): readonly PlayedPod[] {
  const added = Array.from({ length: Math.max(0, replicas - pods.length) }, (_, place) => ({
    name: `query-${nowMs}-${place}`,
    readyAtMs: nowMs + startMs,
    reads: 0,
  }));
  return [...pods, ...added].slice(0, replicas);
}

export function readyOf(pods: readonly PlayedPod[], nowMs: number): readonly PlayedPod[] {
  return pods.filter(({ readyAtMs }) => readyAtMs <= nowMs);
}
