import { KubeError } from './errors.ts';

// A proxy's error page is cut to what a log line can bear.
const messageLengthMax = 500;

/** What the errors name of a request. */
type Asked = { method: string; path: string };

/** Kubernetes' Status object, which carries every refusal of the API server. */
type Status = { message?: string; reason?: string; details?: unknown };

/** The error for an answer with an HTTP status from 400 up. Proxies answer in plain text; that text is kept. */
export function statusError(
  asked: Asked,
  answer: { status: number; retryAfterMs: number },
  text: string,
): KubeError {
  const { message = 'no message', reason = '', details } = readStatus(text);
  const place = `${asked.method} ${asked.path}`;
  return new KubeError('KUBE_STATUS', `${place}: ${answer.status} ${message}`, {
    ...answer,
    reason,
    details,
  });
}

/** The coded form of whatever interrupted a request. */
export function interruption(
  asked: Asked,
  cause: unknown,
  why: { expired: boolean; aborted: boolean },
): KubeError {
  if (cause instanceof KubeError) return cause;
  const place = `${asked.method} ${asked.path}`;
  if (why.expired)
    return new KubeError('KUBE_TIMEOUT', `${place}: no whole answer in time`, { cause });
  if (why.aborted) return new KubeError('KUBE_ABORTED', `${place}: aborted`, { cause });
  const detail = cause instanceof Error ? cause.message : String(cause);
  return new KubeError('KUBE_UNREACHABLE', `${place}: ${detail}`, { cause });
}

function readStatus(text: string): Status {
  try {
    const parsed: Status | string | null = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null) return parsed;
  } catch {
    // Not JSON: the text itself is the best message there is.
  }
  return { message: text.slice(0, messageLengthMax) };
}
