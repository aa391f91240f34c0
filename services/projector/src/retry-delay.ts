const retryDelayMsMin = 100;
const retryDelayMsMax = 2_000;

/** How long to wait after so many failures in a row, from 1. */
export function retryDelayMs(failures: number): number {
  return Math.min(retryDelayMsMin * 2 ** (failures - 1), retryDelayMsMax);
}
