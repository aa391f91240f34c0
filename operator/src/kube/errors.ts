/**
 * Every code a `KubeError` can carry:
 * - KUBE_STATUS: the API server answered with an error status; `status` and `reason` say which.
 * - KUBE_UNREACHABLE: no connection, or it broke before the answer was whole.
 * - KUBE_TIMEOUT: a named time bound passed.
 * - KUBE_ABORTED: the caller's signal fired.
 * - KUBE_RESPONSE_TOO_LARGE: the answer went over `responseBytesMax` or a watch line over `watchLineBytesMax`.
 * - KUBE_RESPONSE_INVALID: the answer is not the JSON it should be.
 * - KUBE_CONFIG: the kubeconfig or credentials cannot be used.
 * - KUBE_WATCH: a watch delivered an ERROR event or went silent.
 * - KUBE_LEASE: leadership was lost, a write was held back for that, or the lease settings contradict each other.
 */
export type KubeErrorCode =
  | 'KUBE_STATUS'
  | 'KUBE_UNREACHABLE'
  | 'KUBE_TIMEOUT'
  | 'KUBE_ABORTED'
  | 'KUBE_RESPONSE_TOO_LARGE'
  | 'KUBE_RESPONSE_INVALID'
  | 'KUBE_CONFIG'
  | 'KUBE_WATCH'
  | 'KUBE_LEASE';

type KubeErrorOptions = {
  status?: number;
  reason?: string;
  details?: unknown;
  retryAfterMs?: number | undefined;
  cause?: unknown;
};

/** Any failure of the Kubernetes API or of the way to it. `status` is 0 when there was no answer. */
export class KubeError extends Error {
  override readonly name = 'KubeError';
  readonly code: KubeErrorCode;
  readonly status: number;
  /** Kubernetes' machine-readable reason, such as `NotFound`; empty without an answer. */
  readonly reason: string;
  readonly details: unknown;
  /** How long the server asked to wait before the next request; 0 when it did not ask. */
  readonly retryAfterMs: number;

  constructor(code: KubeErrorCode, message: string, options: KubeErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.status = options.status ?? 0;
    this.reason = options.reason ?? '';
    this.details = options.details;
    this.retryAfterMs = options.retryAfterMs ?? 0;
  }

  get isNotFound(): boolean {
    return this.status === 404;
  }

  /** The object changed since it was read (not: it exists already, which shares HTTP status 409). */
  get isConflict(): boolean {
    return this.status === 409 && this.reason !== 'AlreadyExists';
  }

  get isAlreadyExists(): boolean {
    return this.status === 409 && this.reason === 'AlreadyExists';
  }

  /** The resource version asked for is no longer kept: list anew. */
  get isGone(): boolean {
    return this.status === 410;
  }

  get isInvalid(): boolean {
    return this.status === 422;
  }

  get isForbidden(): boolean {
    return this.status === 403;
  }
}

/** A reconcile failure that no retry can heal; only a change of the object brings the key back. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError';
}
