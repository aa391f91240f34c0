import { setTimeout as delay } from 'node:timers/promises';

/** Plain HTTP as a user's client would: commands to the write side, reads from the query side. */
export type Written = { readonly id: string; readonly version: number };

const requestTimeoutMs = 5_000;
const visibleTimeoutMs = 10_000;
const retryDelayMs = 200;
const attemptsMax = 50;

/** A 503 says try again (a store restarts, a pod is replaced), so a client does; anything else is an answer. */
export async function send(method: string, url: string, body?: unknown): Promise<Response> {
  for (let attempt = 1; ; attempt += 1) {
    let answer: Response | null = null;
    let failure: unknown = null;
    try {
      answer = await fetch(url, {
        method,
        signal: AbortSignal.timeout(requestTimeoutMs),
        ...(body === undefined
          ? {}
          : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      });
    } catch (error) {
      failure = error;
    }
    if (answer !== null && answer.status !== 503) return answer;
    if (attempt >= attemptsMax) {
      throw new Error(`${method} ${url} got no answer in ${attemptsMax} attempts`, {
        cause: failure,
      });
    }
    await answer?.body?.cancel();
    await delay(retryDelayMs);
  }
}

export async function write(url: string, body: unknown): Promise<Written> {
  return (await created(url, body)).json() as Promise<Written>;
}

/** With what a reader brings to see this write. */
export async function writeWithToken(
  url: string,
  body: unknown,
): Promise<Written & { readonly token: string }> {
  const answer = await created(url, body);
  const token = answer.headers.get('consistency-token');
  if (token === null) throw new Error(`POST ${url} answered without a Consistency-Token`);
  return { ...((await answer.json()) as Written), token };
}

async function created(url: string, body: unknown): Promise<Response> {
  const answer = await send('POST', url, body);
  if (answer.status === 201) return answer;
  throw new Error(`POST ${url} answered ${answer.status}: ${await answer.text()}`);
}

export async function read(url: string): Promise<unknown> {
  const answer = await send('GET', url);
  if (!answer.ok) throw new Error(`GET ${url} answered ${answer.status}: ${await answer.text()}`);
  return answer.json();
}

/** Milliseconds from the command's answer to the first read that finds it: reads back to back, no pause between. */
export async function untilVisible(url: string): Promise<number> {
  const startedMs = performance.now();
  for (;;) {
    const answer = await send('GET', url);
    await answer.body?.cancel();
    const elapsedMs = performance.now() - startedMs;
    if (answer.ok) return elapsedMs;
    if (answer.status !== 404 || elapsedMs > visibleTimeoutMs) {
      throw new Error(
        `GET ${url} still answers ${answer.status} after ${Math.round(elapsedMs)} ms`,
      );
    }
  }
}

/** The value below which the share `q` (0 to 1) of the samples lies (nearest rank). */
export function quantile(samples: readonly number[], q: number): number {
  const sorted = [...samples].toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}

const skus = ['tea-earl-grey', 'cup-porcelain', 'kettle-steel', 'honey-acacia', 'biscuit-oat'];

/** An order that the example's schema accepts; `n` makes it differ from its neighbours. */
export function exampleOrder(n: number): Record<string, unknown> {
  const lines = [
    { sku: skus[n % skus.length], quantity: 1 + (n % 3), price: 4.5 },
    { sku: skus[(n + 2) % skus.length], quantity: 1, price: 12 },
  ];
  return {
    customerId: `c${n % 10}`,
    status: 'placed',
    lines,
    total: lines.reduce((sum, line) => sum + line.quantity * line.price, 0),
    placedAt: new Date().toISOString(),
  };
}

export function examplePayment(orderId: string, amount: unknown): Record<string, unknown> {
  return { orderId, amount, method: 'card', status: 'captured' };
}
