/** An error of Postgres that arrives in one packet with the beginning of the stream is a failed session and no more. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { openReplication } from '../../services/relay/src/replication.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listenOnLoopback } from '../support/loopback-port.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';

/** Longer than Postgres takes from starting a stream to failing in it. */
const joinedMs = 500;
const slot = 'cqrs_joined';
const stop = new AbortController().signal;

let postgres: TestPostgres;
let proxy: Server;
const sockets = new Set<Socket>();

beforeAll(async () => {
  postgres = await startPostgres();
  proxy = createServer(joinAnswers);
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  if (proxy.listening) await once(proxy.close(), 'close');
  await postgres?.stop();
});

/** Carries what Postgres says only every `joinedMs`, all of it at once. */
function joinAnswers(client: Socket): void {
  const upstream = connect(postgres.port, postgres.host);
  let held: Buffer[] = [];
  const timer = setInterval(() => {
    if (held.length > 0) client.write(Buffer.concat(held));
    held = [];
  }, joinedMs);
  upstream.on('data', (bytes) => held.push(bytes));
  client.on('data', (bytes) => upstream.write(bytes));
  for (const socket of [client, upstream]) {
    sockets.add(socket);
    socket
      .on('error', () => undefined)
      .on('close', () => {
        clearInterval(timer);
        client.destroy();
        upstream.destroy();
      });
  }
}

test('the reader of the stream is told', async () => {
  const { sql, database } = postgres;
  await sql`create table written (id int)`;
  await sql`select pg_create_logical_replication_slot(${slot}, 'pgoutput')`;
  await sql`insert into written values (1)`;
  const address = {
    host: postgres.host,
    port: await listenOnLoopback(proxy),
    database,
    user: 'postgres',
    password: postgres.passwords.postgres,
  };
  await using replication = openReplication(address, () => undefined);
  const names = { slot, publication: 'nobody_made_this' };
  const { messages } = await replication.start(names, 0n, stop);
  const read = async (): Promise<void> => {
    for await (const group of messages) expect(group).toBeDefined();
  };
  await expect(read()).rejects.toThrow('nobody_made_this');
});
