import type { BaseOptions } from '@platformatic/kafka';
import type { KafkaAddress } from '../port.ts';

const connectMsMax = 3_000;
const retryDelayMsMin = 100;
const retryDelayMsMax = 1_000;

/** Grows from try to try, so that a broker that comes back is met soon and one that stays away is not pestered. */
export function retryDelayMs(attempt: number): number {
  return Math.min(retryDelayMsMax, retryDelayMsMin * 2 ** (attempt - 1));
}

/** Retries are few everywhere: what stays away longer ends the session, and the program's own loop begins anew. */
export function clientOptions(
  { brokers, clientId }: KafkaAddress,
  bounds: { readonly requestMsMax: number; readonly retriesMax: number },
): BaseOptions {
  return {
    bootstrapBrokers: [...brokers],
    clientId,
    connectTimeout: connectMsMax,
    requestTimeout: bounds.requestMsMax,
    retries: bounds.retriesMax,
    retryDelay: (_client, _operation, attempt) => retryDelayMs(attempt),
    autocreateTopics: false,
  };
}
