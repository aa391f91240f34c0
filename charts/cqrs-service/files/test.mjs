// `helm test`: what a command wrote is read back through the query side, and is gone once it is deleted.
import { setTimeout as pause } from 'node:timers/promises';

const requestMsMax = 5_000;
const retryDelayMs = 200;
const patienceMs = 100_000;

const { COMMAND_URL, QUERY_URL, BODY } = process.env;
const startedMs = performance.now();

/** Asks until the answer has the status, because pods may still be starting and a view follows its events. */
async function until(status, method, url, body) {
  for (;;) {
    const { seen, answer } = await ask(method, url, body);
    if (answer?.status === status) return answer;
    if (performance.now() - startedMs > patienceMs) {
      throw new Error(`${method} ${url}: ${seen}, not ${status}, after ${patienceMs} ms`);
    }
    await pause(retryDelayMs);
  }
}

async function ask(method, url, body) {
  try {
    const signal = AbortSignal.timeout(requestMsMax);
    const content = body && { body, headers: { 'content-type': 'application/json' } };
    const answer = await fetch(url, { method, signal, ...content });
    const text = await answer.text();
    return {
      seen: `${answer.status} ${text.slice(0, 300)}`,
      answer: { status: answer.status, text },
    };
  } catch (error) {
    return { seen: `${error.message} ${error.cause?.message ?? ''}` };
  }
}

const { id } = JSON.parse((await until(201, 'POST', COMMAND_URL, BODY)).text);
process.stdout.write(`ok  written as ${id}\n`);
await until(200, 'GET', `${QUERY_URL}/${id}`);
process.stdout.write(`ok  read back\n`);
const deleted = await ask('DELETE', `${COMMAND_URL}/${id}`);
if (Math.floor((deleted.answer?.status ?? 0) / 100) !== 2)
  throw new Error(`DELETE: ${deleted.seen}`);
await until(404, 'GET', `${QUERY_URL}/${id}`);
process.stdout.write(`ok  deleted\n`);
