import { Readable } from 'node:stream';
import { request as undiciRequest, type Dispatcher } from 'undici';
import { interruption, statusError } from './answer.ts';
import { pause, type Clock } from './clock.ts';
import { deadline, unlessAborted } from './deadline.ts';
import { KubeError } from './errors.ts';
import { splitLines } from './lines.ts';
import type { KubeLogger } from './logger.ts';
import type { KubeMetrics, KubeVerb } from './metrics.ts';
import {
  contentTypes,
  isWrite,
  requestInfo,
  type Method,
  type RequestInfo,
} from './request-info.ts';
import { retryAfterMs, retryDelayMs, type RetryLimits } from './retry.ts';
import type { Transport } from './transport.ts';

/** Bounds of one request; every field has a default in `clientLimits`. */
export type ClientLimits = RetryLimits & {
  /** One attempt, from sending to the last byte of the answer. A watch: until its headers. */
  requestMsMax: number;
  responseBytesMax: number;
  watchLineBytesMax: number;
};

export const clientLimits: ClientLimits = {
  attemptsMax: 5,
  retryAfterMsMax: 10_000,
  requestMsMax: 30_000,
  responseBytesMax: 64 * 1024 * 1024,
  watchLineBytesMax: 8 * 1024 * 1024,
};

type QueryValue = string | number | boolean | undefined;
export type Query = Readonly<Record<string, QueryValue>>;

export type Call = {
  method: Method;
  path: string;
  query?: Query | undefined;
  body?: unknown;
  contentType?: string | undefined;
  accept?: string | undefined;
  signal?: AbortSignal | undefined;
};

export type RequesterOptions = {
  transport: Transport;
  limits: ClientLimits;
  userAgent: string;
  clock: Clock;
  metrics: KubeMetrics;
  logger: KubeLogger;
  /** Asked before each attempt that would change the cluster, and when it is sent; false refuses it (`KUBE_LEASE`). */
  mayWrite: (() => boolean) | undefined;
};

type Body = { content: Buffer | Readable; bytes: number };

type Answer = {
  status: number;
  retryAfterMs: number;
  body: Dispatcher.ResponseData['body'];
};

/** Sends requests with authentication, time and size bounds, retries and counting; knows no kinds. */
export class Requester {
  readonly #options: RequesterOptions;
  readonly #counts: Record<KubeVerb, number> = {
    get: 0,
    list: 0,
    watch: 0,
    create: 0,
    update: 0,
    apply: 0,
    patch: 0,
    delete: 0,
  };

  constructor(options: RequesterOptions) {
    this.#options = options;
  }

  /** All requests sent so far by verb, retries included. */
  get counts(): Readonly<Record<KubeVerb, number>> {
    return { ...this.#counts };
  }

  /** The whole answer; any status from 400 up is thrown as `KUBE_STATUS`. */
  async text(call: Call): Promise<string> {
    const { clock, logger, metrics } = this.#options;
    const info = requestInfo(call.method, call.path, call.contentType);
    for (let attempts = 1; ; attempts += 1) {
      const outcome = await this.#attempt(call, info);
      if (typeof outcome === 'string') return outcome;
      const delayMs = this.#retryDelayMs(outcome, info, attempts);
      if (delayMs === undefined) throw outcome;
      metrics.requestRetried({ ...info, status: outcome.status });
      logger.debug({ ...info, status: outcome.status, delayMs, attempts }, 'Request is retried');
      await pause(clock, delayMs, call.signal);
      if (call.signal?.aborted) {
        throw new KubeError('KUBE_ABORTED', outcome.message, { cause: outcome });
      }
    }
  }

  /** The lines of a watch until the server ends it; not retried, and bounded in time only until it opens. */
  async *lines(call: Call): AsyncGenerator<string> {
    const info: RequestInfo = { ...requestInfo(call.method, call.path), verb: 'watch' };
    const opening = deadline(call.signal, this.#options.limits.requestMsMax);
    try {
      const answer = await this.#send(call, info, opening.signal);
      opening.lift();
      if (answer.status >= 400) throw await this.#refusal(call, answer);
      yield* splitLines(answer.body, this.#options.limits.watchLineBytesMax);
    } catch (error) {
      throw interruption(call, error, {
        expired: opening.expired(),
        aborted: call.signal?.aborted === true,
      });
    } finally {
      // Ends the connection when the consumer stops early; without effect on a stream that has ended.
      opening.end();
    }
  }

  async #attempt(call: Call, info: RequestInfo): Promise<string | KubeError> {
    const bound = deadline(call.signal, this.#options.limits.requestMsMax);
    try {
      const answer = await this.#send(call, info, bound.signal);
      const outcome =
        answer.status >= 400
          ? await this.#refusal(call, answer)
          : await this.#read(call, answer.body);
      bound.release();
      return outcome;
    } catch (error) {
      bound.end();
      return interruption(call, error, {
        expired: bound.expired(),
        aborted: call.signal?.aborted === true,
      });
    }
  }

  async #refusal(call: Call, answer: Answer): Promise<KubeError> {
    const { status, retryAfterMs: askedMs, body } = answer;
    if (status === 401) this.#options.transport.distrust();
    return statusError(call, { status, retryAfterMs: askedMs }, await this.#read(call, body));
  }

  #retryDelayMs(error: KubeError, info: RequestInfo, attempts: number): number | undefined {
    if (error.code !== 'KUBE_UNREACHABLE' && error.code !== 'KUBE_STATUS') return undefined;
    const repeatable = info.verb === 'get' || info.verb === 'list' || info.verb === 'apply';
    const { status, retryAfterMs: askedMs } = error;
    return retryDelayMs(
      { status, retryAfterMs: askedMs, repeatable, attempts },
      this.#options.limits,
    );
  }

  async #send(call: Call, info: RequestInfo, signal: AbortSignal): Promise<Answer> {
    const { clock, metrics, transport, userAgent } = this.#options;
    const { dispatcher, headers } = await transport.access();
    const body = this.#bodyOf(call, info);
    const startedAtMs = clock.now();
    this.#counts[info.verb] += 1;
    const done = (status: number): void =>
      metrics.requestDone({ ...info, status, durationMs: clock.now() - startedAtMs });
    try {
      const sent = undiciRequest(transport.server + call.path + queryString(call.query), {
        dispatcher,
        method: call.method,
        headers: {
          ...headers,
          accept: call.accept ?? contentTypes.json,
          'user-agent': userAgent,
          ...(body && { 'content-type': call.contentType ?? contentTypes.json }),
          ...(body && { 'content-length': String(body.bytes) }),
        },
        body: body?.content ?? null,
        signal,
        // The deadlines here and the informer's watchdog bound the time; undici's own would cut quiet watches.
        headersTimeout: 0,
        bodyTimeout: 0,
      });
      // On its own undici looks at the signal only once it is connected.
      const answer = await unlessAborted(sent, signal);
      done(answer.statusCode);
      return {
        status: answer.statusCode,
        retryAfterMs: retryAfterMs(answer.headers['retry-after']),
        body: answer.body,
      };
    } catch (error) {
      done(0);
      throw error;
    }
  }

  #bodyOf(call: Call, info: RequestInfo): Body | undefined {
    const { mayWrite } = this.#options;
    const guard = (): void => {
      if (mayWrite?.() !== false) return;
      throw new KubeError('KUBE_LEASE', `${call.method} ${call.path}: this process does not lead`);
    };
    if (isWrite(info)) guard();
    if (call.body === undefined) return undefined;
    const content = Buffer.from(JSON.stringify(call.body));
    const isFenced = isWrite(info) && mayWrite !== undefined;
    return {
      content: isFenced ? Readable.from(guarded(content, guard)) : content,
      bytes: content.length,
    };
  }

  async #read(call: Call, body: AsyncIterable<Buffer>): Promise<string> {
    const { responseBytesMax } = this.#options.limits;
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of body) {
      bytes += chunk.length;
      if (bytes > responseBytesMax) {
        const message = `${call.method} ${call.path} answered more than ${responseBytesMax} bytes`;
        throw new KubeError('KUBE_RESPONSE_TOO_LARGE', message);
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString('utf8');
  }
}

/** undici asks for the first chunk when it has a connection, and sends nothing, not even the head, before it has it. */
async function* guarded(content: Buffer, guard: () => void): AsyncGenerator<Buffer> {
  guard();
  yield content;
}

function queryString(query: Query = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  return parameters.size === 0 ? '' : `?${parameters.toString()}`;
}
