import type { CqrsError, ErrorCode } from '@cqrs/contract/errors.ts';
import type { RelayStatus } from '@cqrs/contract/ops-status.ts';
import type { Logger } from '@cqrs/runtime/logger.ts';
import type { Metrics } from './metrics.ts';
import { isCalm, needsPerson } from './slot-decision.ts';

/** What the relay is doing, for its status, its log and its metrics: the three always say the same. */
export type RelayState = {
  readonly streaming: (from: string) => void;
  readonly published: (events: number) => void;
  readonly lag: (bytes: number) => void;
  readonly failed: (error: CqrsError) => void;
  readonly status: () => RelayStatus;
};

export function createRelayState(metrics: Metrics, logger: Logger): RelayState {
  let isStreaming = false;
  let lagBytes = 0;
  let eventsPublished = 0;
  let failure: CqrsError | null = null;
  return {
    streaming: (from) => {
      isStreaming = true;
      failure = null;
      metrics.streaming.set(1);
      logger.info({ from }, 'Streaming');
    },
    published: (events) => {
      eventsPublished += events;
      metrics.published.inc(events);
    },
    lag: (bytes) => {
      lagBytes = bytes;
      metrics.lagBytes.set(bytes);
    },
    failed: (error) => {
      // What fails the same way again and again is one line in the log, not one for each try.
      if (failure?.message !== error.message) {
        logger[levelOf(error.code)]({ err: error }, 'Not streaming');
      }
      isStreaming = false;
      failure = error;
      metrics.streaming.set(0);
      metrics.restarts.inc({ code: error.code });
    },
    status: () => ({
      program: 'relay',
      streaming: isStreaming,
      error: failure?.message ?? null,
      errorCode: failure?.code ?? null,
      lagBytes,
      eventsPublished,
    }),
  };
}

function levelOf(code: ErrorCode): 'error' | 'warn' | 'info' {
  if (needsPerson(code)) return 'error';
  return isCalm(code) ? 'info' : 'warn';
}
