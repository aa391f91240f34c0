/** Partitions that are behind, of each view, in the status; the projector's metrics tell of all. */
export const behindPartitionsMax = 10;
