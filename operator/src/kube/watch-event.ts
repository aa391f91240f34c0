import { KubeError } from './errors.ts';
import type { KubeObject } from './object.ts';

/** Kubernetes marks the end of a watch's initial state with this annotation on a bookmark (KEP-3157). */
const initialEventsEnd = 'k8s.io/initial-events-end';

export type WatchEvent<T> =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: T }
  | { type: 'BOOKMARK'; resourceVersion: string; endsInitialEvents: boolean };

/** One line of a watch as it is on the wire; ERROR carries a Status. */
type WireEvent<T> =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: T }
  | { type: 'BOOKMARK'; object: KubeObject }
  | {
      type: 'ERROR';
      object: { code?: number; reason?: string; message?: string; details?: unknown };
    };

/**
 * Reads one line of a watch. An ERROR event is thrown as `KUBE_WATCH` with the Status' code; a line that is no event is
 * thrown as `KUBE_RESPONSE_INVALID`.
 */
export function parseWatchEvent<T extends KubeObject>(line: string): WatchEvent<T> {
  let event: WireEvent<T>;
  try {
    event = JSON.parse(line);
  } catch (cause) {
    throw new KubeError('KUBE_RESPONSE_INVALID', 'Watch line is not JSON', { cause });
  }
  switch (event.type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      return { type: event.type, object: event.object };
    case 'BOOKMARK': {
      const { annotations, resourceVersion = '' } = event.object.metadata;
      const endsInitialEvents = annotations?.[initialEventsEnd] === 'true';
      return { type: 'BOOKMARK', resourceVersion, endsInitialEvents };
    }
    case 'ERROR': {
      const { code = 0, reason = '', message = 'no message', details } = event.object;
      throw new KubeError('KUBE_WATCH', `Watch error: ${message}`, {
        status: code,
        reason,
        details,
      });
    }
    default:
      throw new KubeError('KUBE_RESPONSE_INVALID', 'Watch line has no known event type');
  }
}
