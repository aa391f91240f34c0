/** Runs in a thread of its own: loads an author's module and answers the calls that arrive, batch by batch. */
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import { describeThrown, readModule, runCall, type AuthorModule } from './author-module.ts';
import type { Reply, ThreadData, ThreadMessage } from './messages.ts';

const { module: path, progress } = workerData as ThreadData;
const place = new Int32Array(progress);
/** A slow module answers a part of its batch, at least one call, so that nobody waits for all of it. */
const answerMsMax = 200;

async function load(): Promise<void> {
  try {
    const exports = (await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>;
    const read = readModule(exports);
    if (read.ok) serve(read.module);
    else tell({ kind: 'unfit', reason: `${read.reason}.` });
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    tell({ kind: 'unfit', reason: `cannot be loaded: ${said}`, thrown: describeThrown(error) });
  }
}

function serve(module: AuthorModule): void {
  parentPort?.on('message', (calls: readonly string[]) => {
    const replies: Reply[] = [];
    const startedAtMs = performance.now();
    for (const call of calls) {
      Atomics.store(place, 0, replies.length + 1);
      replies.push(runCall(module, call));
      if (performance.now() - startedAtMs > answerMsMax) break;
    }
    Atomics.store(place, 0, 0);
    tell({ kind: 'replies', replies });
  });
  tell({ kind: 'loaded', commandsText: module.commandsText });
}

function tell(message: ThreadMessage): void {
  parentPort?.postMessage(message, []);
}

await load();
