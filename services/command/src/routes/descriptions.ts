import { answerWith } from '@cqrs/runtime/describe/api-document.ts';
import type { FastifyInstance } from 'fastify';
import type { Descriptions } from '../describe/descriptions.ts';

/** What the API offers and what it publishes, as a fastify plugin. No aggregate's name has a dot, so none is hidden. */
export function descriptionRoutes({ openapi, asyncapi }: Descriptions) {
  return async (app: FastifyInstance): Promise<void> => {
    for (const [path, document] of [
      ['/openapi.json', openapi],
      ['/asyncapi.json', asyncapi],
    ] as const) {
      app.get(path, async (request, reply) => {
        const { status, headers, body } = answerWith(document(), request.headers['if-none-match']);
        return reply.code(status).headers(headers).send(body);
      });
    }
  };
}
