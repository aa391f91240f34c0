import { createCoalescer } from '../coalesce.ts';
import type { Call, Reply } from './messages.ts';
import { keepThread, type ModuleOptions, type Offer } from './thread-keeper.ts';

export type Answer =
  | Reply
  /** Nobody decided, for want of a thread or of time. */
  | { readonly kind: 'unavailable'; readonly detail: string };

/** An author's module, apart from the service: whatever it does, each call has its answer within a bound. */
export type Sandbox = {
  readonly offer: () => Offer;
  readonly ask: (call: Call) => Promise<Answer>;
  /** Settles when the module was loaded for the first time, or could not be. */
  readonly tried: Promise<void>;
  readonly close: () => void;
};

const batching = { statementsMax: 1, batchItemsMax: 64, batchBytesMax: 4_194_304 };
/** For a batch with all the threads that end in it; what is left of it then is not decided. */
const batchMsMax = 5_000;

export function createSandbox(options: ModuleOptions): Sandbox {
  const { aggregate, logger } = options;
  const keeper = keepThread(options);
  const notDecided: Answer = {
    kind: 'unavailable',
    detail: `The behavior of ${aggregate} was held up by other commands; nothing was changed.`,
  };

  const decideTogether = async (calls: readonly string[]): Promise<readonly Answer[]> => {
    const deadlineMs = performance.now() + batchMsMax;
    const answers: Answer[] = calls.map(() => notDecided);
    let left = calls.map((_call, index) => index);
    while (left.length > 0 && performance.now() < deadlineMs) {
      const thread = await keeper.thread();
      if (thread === undefined) break;
      const ran = await thread.run(left.map((index) => calls[index] ?? ''));
      if (ran.kind === 'replies') {
        for (const [place, reply] of ran.replies.entries()) answers[left[place] ?? -1] = reply;
        left = left.slice(ran.replies.length);
        continue;
      }
      keeper.giveUp(thread);
      logger.error({ aggregate, ...ran.why }, 'Gave up the thread of a behavior');
      // The others are decided again: what was decided in the same batch before has had no effect yet.
      const culprit = ran.place === undefined ? undefined : left[ran.place];
      if (culprit !== undefined) {
        answers[culprit] = { kind: 'failed', detail: `The command ${ran.why.reason}.` };
      }
      left = left.filter((index) => index !== culprit);
    }
    return answers;
  };
  const inBatches = createCoalescer<string, Answer>(batching, {
    bytesOf: (call) => call.length,
    together: decideTogether,
    alone: async (call) => {
      const [answer = notDecided] = await decideTogether([call]);
      return answer;
    },
    mayBeOneItem: () => false,
  });
  return {
    offer: keeper.offer,
    ask: async (call) => inBatches(JSON.stringify(call)),
    tried: keeper.thread().then(() => undefined),
    close: keeper.close,
  };
}
