import { CqrsError } from '@cqrs/contract/errors.ts';
import { Worker } from 'node:worker_threads';
import type { Reply, ThreadData, ThreadMessage } from './messages.ts';

/** A thread that has loaded an author's module. It runs one batch at a time, and may end at any moment. */
export type Thread = {
  /** JSON of the module's command schemas, null when it lists none. */
  readonly commandsText: string | null;
  readonly run: (calls: readonly string[]) => Promise<Ran>;
  readonly end: () => void;
};

type Ran =
  | { readonly kind: 'replies'; readonly replies: readonly Reply[] }
  /** The thread is gone; the call at `place` was under way, and is why unless there is none. */
  | { readonly kind: 'ended'; readonly place: number | undefined; readonly why: Ending };

/** The end of a sentence that begins with a module or a call; and what was thrown, for the log. */
type Ending = { readonly reason: string; readonly thrown?: string };

export type ThreadOptions = {
  readonly module: string;
  /** Told of what the module prints, which must not get between the lines of the log. */
  readonly onPrinted: (text: string) => void;
};

const loadMsMax = 5_000;
/** A decision takes microseconds; one that takes this long will hardly end. */
const callMsMax = 500;
const watchMs = 50;
/** Of V8's heap. What lies outside of it, such as the bytes of an ArrayBuffer, only the pod's limit bounds. */
const memory = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 16, stackSizeMb: 4 };

/** Throws CQRS_BEHAVIOR_FAILED when the module cannot be used; the message goes on from the module's name. */
export async function startThread({ module, onPrinted }: ThreadOptions): Promise<Thread> {
  const progress = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  const place = new Int32Array(progress);
  const worker = new Worker(new URL('./thread-main.ts', import.meta.url), {
    workerData: { module, progress } satisfies ThreadData,
    // The passwords of this process are none of the module's business.
    env: {},
    // Such as that a mounted folder has no package.json, which is as it should be.
    execArgv: ['--no-warnings'],
    resourceLimits: memory,
    stdout: true,
    stderr: true,
  });
  for (const stream of [worker.stdout, worker.stderr]) {
    stream.setEncoding('utf8').on('data', onPrinted);
  }
  let ended: Ending | undefined;
  let onMessage: ((message: ThreadMessage) => void) | undefined;
  let onEnd: ((why: Ending) => void) | undefined;
  const end = (why: Ending): void => {
    if (ended !== undefined) return;
    ended = why;
    void worker.terminate();
    onEnd?.(why);
  };
  worker.on('message', (message: ThreadMessage) => onMessage?.(message));
  worker.on('error', (error) => end(whyEnded(error)));
  worker.on('exit', () => end({ reason: 'ended its thread' }));

  const late = setTimeout(() => end({ reason: `did not load within ${loadMsMax} ms` }), loadMsMax);
  const first = await new Promise<ThreadMessage>((resolve) => {
    onMessage = resolve;
    onEnd = (why) => resolve({ kind: 'unfit', ...why });
  });
  clearTimeout(late);
  if (first.kind !== 'loaded') {
    const why: Ending = first.kind === 'unfit' ? first : { reason: 'answered before it was asked' };
    end(why);
    throw new CqrsError('CQRS_BEHAVIOR_FAILED', why.reason, why.thrown);
  }
  return {
    commandsText: first.commandsText,
    run: async (calls) => {
      const { promise, resolve } = Promise.withResolvers<Ran>();
      onMessage = (message) => {
        if (message.kind === 'replies') resolve(message);
      };
      onEnd = (why) => resolve({ kind: 'ended', place: placeOf(place), why });
      const watch = setInterval(watchOver(place, end), watchMs);
      if (ended === undefined) worker.postMessage(calls, []);
      else onEnd(ended);
      return promise.finally(() => clearInterval(watch));
    },
    end: () => end({ reason: 'was ended' }),
  };
}

/** The place in its batch of the call under way. */
function placeOf(progress: Int32Array): number | undefined {
  const from1 = Atomics.load(progress, 0);
  return from1 === 0 ? undefined : from1 - 1;
}

/** Ends the thread when it has been at the same place for too long. */
function watchOver(progress: Int32Array, end: (why: Ending) => void): () => void {
  let [last, sinceMs] = [placeOf(progress), performance.now()];
  return () => {
    const now = placeOf(progress);
    if (now !== last) [last, sinceMs] = [now, performance.now()];
    else if (performance.now() - sinceMs > callMsMax) {
      end({ reason: `took more than ${callMsMax} ms` });
    }
  };
}

function whyEnded(error: unknown): Ending {
  if (error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return { reason: `took more than ${memory.maxOldGenerationSizeMb} MiB of memory` };
  }
  const thrown = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { reason: 'ended its thread by an error that nobody caught', thrown };
}
