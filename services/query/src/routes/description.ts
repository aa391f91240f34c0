import { answerWith, type WrittenDocument } from '@cqrs/runtime/describe/api-document.ts';
import type { FastifyInstance } from 'fastify';

/** No view's name has a dot, so none is hidden. */
const path = '/openapi.json';

/** What the API offers, as a fastify plugin. */
export function descriptionRoute(document: () => WrittenDocument) {
  return async (app: FastifyInstance): Promise<void> => {
    app.get(path, async (request, reply) => {
      const { status, headers, body } = answerWith(document(), request.headers['if-none-match']);
      return reply.code(status).headers(headers).send(body);
    });
  };
}
