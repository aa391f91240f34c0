/** Partitions that are behind, of each view, in the status; the projector's metrics tell of all. */
export const behindPartitionsMax = 10;

/**
 * `status.observedGeneration` before the first pass, filled in by the API server: tools that know kstatus take an object
 * without any status for done.
 */
export const notObserved = -1;
