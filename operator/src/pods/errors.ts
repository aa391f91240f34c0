/**
 * Why a pod's status could not be read:
 * - POD_STATUS_UNREACHABLE: no connection, it broke, or the answer was not a 200.
 * - POD_STATUS_TIMEOUT: the named time bound passed.
 * - POD_STATUS_TOO_LARGE: the answer went over the named byte bound.
 * - POD_STATUS_MALFORMED: the answer is not a status of ops-status.ts.
 * - POD_STATUS_ABORTED: the caller's signal fired.
 */
export type PodStatusErrorCode =
  | 'POD_STATUS_UNREACHABLE'
  | 'POD_STATUS_TIMEOUT'
  | 'POD_STATUS_TOO_LARGE'
  | 'POD_STATUS_MALFORMED'
  | 'POD_STATUS_ABORTED';

export class PodStatusError extends Error {
  override readonly name = 'PodStatusError';
  readonly code: PodStatusErrorCode;

  constructor(code: PodStatusErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
