/**
 * A process of its own that answers reads by key as plainly as it goes: `empty` is node:http with nothing in it,
 * `fastify` a route that asks Redis with a GET for each request.
 *
 * `node reads-peer.ts empty|fastify PORT`; of Redis it is told as the programs are.
 */
import { createServer } from 'node:http';
import { redisAddress } from '@cqrs/runtime/read-store/connection.ts';
import Fastify from 'fastify';
import { Redis } from 'ioredis';

const [kind, port = ''] = process.argv.slice(2);

async function serveFastify(): Promise<void> {
  const redis = new Redis(redisAddress(process.env));
  const app = Fastify();
  app.get<{ Params: { key: string } }>('/orders/:key', async (request, reply) => {
    const json = await redis.get(`peer:${request.params.key}`);
    if (json === null) return reply.code(404).send();
    return reply.type('application/json').send(json);
  });
  await app.listen({ host: '127.0.0.1', port: Number(port) });
}

if (kind === 'fastify') await serveFastify();
else createServer((_request, reply) => reply.end()).listen(Number(port), '127.0.0.1');
