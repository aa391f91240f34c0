import type { FastifyReply } from 'fastify';
import type { AppOptions } from './app.ts';
import { BodyRefusal, bodyTooLarge } from './body-rooms.ts';
import { sendProblem } from './problem-reply.ts';
import { WriteStoreError } from './store-failure.ts';

const malformedBodies = new Set([
  // The client went away, or was sent away, in the middle of it; nobody hears the answer.
  'ECONNRESET',
  'FST_ERR_CTP_INVALID_CONTENT_LENGTH',
  'FST_ERR_CTP_EMPTY_JSON_BODY',
]);

/** Answers a request that failed with the problem it met; what is a fault of ours goes to the log. */
export function answerFailure(
  error: unknown,
  reply: FastifyReply,
  { logger, onStore, spans }: Pick<AppOptions, 'logger' | 'onStore' | 'spans'>,
): FastifyReply {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const refusal = code === 'FST_ERR_CTP_BODY_TOO_LARGE' ? bodyTooLarge() : error;
  if (refusal instanceof BodyRefusal) {
    // The client may go on sending what nobody reads.
    void reply.header('connection', 'close');
    return sendProblem(reply, refusal.problem, refusal.message);
  }
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    const more = reply.request.method === 'PATCH' ? ' or application/merge-patch+json' : '';
    return sendProblem(
      reply,
      'unsupported-media-type',
      `Send the body as application/json${more} and say so in Content-Type.`,
    );
  }
  if (malformedBodies.has(String(code))) {
    return sendProblem(reply, 'malformed-body', 'The body does not have the length it claims.');
  }
  if (error instanceof WriteStoreError) {
    onStore(error);
    const { createdId: id } = error;
    const detail = `${error.message} ${advice(reply, error)}`;
    return sendProblem(reply, 'store-unavailable', detail, id === undefined ? {} : { id });
  }
  const traceId = spans?.of(reply.request.raw)?.traceId;
  logger.error({ err: error, trace_id: traceId }, 'A request failed');
  return sendProblem(reply, 'internal-error', 'The failure is in the log of the command service.');
}

function advice(reply: FastifyReply, { outcome, createdId }: WriteStoreError): string {
  const { method, headers } = reply.request;
  if (outcome === 'not-applied' || method === 'GET' || method === 'HEAD') return 'Try again.';
  const unknown = 'It is unknown whether the command was applied';
  if (headers['idempotency-key'] !== undefined) {
    return `${unknown}: repeat it with the same Idempotency-Key.`;
  }
  if (createdId === undefined) return `${unknown}: read the aggregate before you repeat it.`;
  return `${unknown}: read the id ${createdId} before you repeat it.`;
}
