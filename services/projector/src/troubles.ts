import { CqrsError } from '@cqrs/contract/errors.ts';
import type { Logger } from '@cqrs/runtime/logger.ts';
import type { HaltedKey } from './halted-key.ts';
import type { Halt } from './resume.ts';

/** What fails now, by where it failed, until the same place succeeds. Logged when it changes, not at each retry. */
export type Troubles = {
  readonly note: (where: string, error: unknown) => void;
  /** It has succeeded there, or is no longer tried: the partition may be another process's and succeed only there. */
  readonly clear: (where: string) => void;
  /** Only logged: the partition itself keeps why it stands still. */
  readonly halted: (topicPartition: string, reason: Halt) => void;
  readonly keyHalted: (topicPartition: string, halted: HaltedKey) => void;
  readonly list: () => readonly Halt[];
};

export function createTroubles(logger: Logger): Troubles {
  const current = new Map<string, Halt>();
  return {
    note: (where, error) => {
      const code = error instanceof CqrsError ? error.code : 'CQRS_PROJECTION_FAILED';
      const message = error instanceof Error ? error.message : String(error);
      if (current.get(where)?.message !== message) {
        const cause = error instanceof CqrsError ? error.cause : error;
        logger.warn({ where, code, detail: message, err: cause }, 'Projecting is held up');
      }
      current.set(where, { code, message });
    },
    clear: (where) => {
      if (current.delete(where)) logger.info({ where }, 'Projecting goes on');
    },
    halted: (topicPartition, { code, message }) =>
      logger.error({ topicPartition, code, detail: message }, 'A partition is halted'),
    keyHalted: (topicPartition, { key, offset, error }) =>
      logger.error({ topicPartition, key, offset, detail: error }, 'A key is halted'),
    list: () => [...current.values()],
  };
}

export function noteMissingTopics(
  troubles: Troubles,
  view: string,
  missing: readonly string[],
): void {
  if (missing.length === 0) return troubles.clear('topics');
  const message =
    `View ${view} waits for ${missing.join(', ')}: no such topic in Kafka yet. ` +
    `It appears once the service it belongs to runs; see whether the view's source names it rightly.`;
  troubles.note('topics', new CqrsError('CQRS_TOPIC_MISSING', message));
}
