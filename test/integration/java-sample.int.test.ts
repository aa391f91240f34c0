import type { TestKafka } from '../support/kafka.ts';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensurePackages } from '../cluster/tools/debian-packages.ts';
import { pomLibraries } from '../cluster/tools/maven.ts';
import { readTopic, startKafka } from '../support/kafka.ts';
import { freePort } from '../support/loopback-port.ts';
import { migrate, outbox, startRelay } from '../support/outbox.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { eventually } from '../support/eventually.ts';
import {
  run,
  startChild,
  temporaryFolder,
  type Child,
  type TestService,
} from '../support/process.ts';

const sample = fileURLToPath(new URL('../../services/examples/java-orders/', import.meta.url));
const buildMsMax = 300_000;
const { topic } = outbox;

let postgres: TestPostgres;
let kafka: TestKafka;
let relay: TestService;
let orders: Child;
let url = '';

beforeAll(async () => {
  await ensurePackages({ javac: 'default-jdk-headless' });
  const libraries = await pomLibraries('java-orders-libraries', join(sample, 'pom.xml'));
  const classes = await temporaryFolder('java-orders');
  const sources = (await readdir(join(sample, 'src'))).map((file) => join(sample, 'src', file));
  const javac = ['javac', '-Xlint:all', '-Werror', '-d', classes, '-cp', join(libraries, '*')];
  await run([...javac, ...sources], { timeoutMs: buildMsMax });
  [postgres, kafka] = await Promise.all([startPostgres(), startKafka()]);
  await migrate(postgres);
  relay = await startRelay(postgres, kafka);
  const port = await freePort();
  url = `http://127.0.0.1:${port}/order`;
  orders = await startChild(['java', '-cp', `${classes}:${join(libraries, '*')}`, 'Orders'], {
    cwd: classes,
    env: { ...postgres.env('command'), CQRS_HTTP_PORT: String(port) },
  });
  await eventually('the sample to listen', 30_000, async () => {
    if (!orders.running()) throw new Error(`the sample ended:\n${orders.output()}`);
    return fetch(`${url}/none`).then(
      (answer) => answer.status === 404,
      () => false,
    );
  });
  await relay.ready();
});
afterAll(async () => {
  await orders?.kill();
  await relay?.kill();
  await kafka?.stop();
  await postgres?.stop();
});

async function post(path: string, body: string, headers: Record<string, string> = {}) {
  const answer = await fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
  const state = (await answer.json()) as { readonly id: string };
  return { status: answer.status, etag: answer.headers.get('etag'), state };
}

const recordsOf = async (key: string, count: number) =>
  eventually(`${count} records of ${key}`, 30_000, async () => {
    const found = (await readTopic(kafka, topic)).filter((record) => record.key === key);
    return found.length >= count && found;
  });

describe('a write side of somebody else, by the outbox contract', () => {
  it('gets its events to Kafka as ours do', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const made = await post('', '{"total": 1}', { traceparent });
    expect(made).toMatchObject({ status: 200, etag: '"1"', state: { total: 1 } });
    const { id } = made.state;
    const changed = await post(`/${id}`, '{"total": 2}', { 'if-match': '"1"' });
    expect(changed).toMatchObject({ status: 200, etag: '"2"' });
    expect((await post(`/${id}`, '{"total": 3}', { 'if-match': '"1"' })).status).toBe(412);
    expect((await post(`/${id}`, '{"total": ')).status).toBe(400);
    expect(await (await fetch(`${url}/${id}`)).json()).toEqual({ id, total: 2 });

    const records = await recordsOf(id, 2);
    expect(records.map(({ value }) => value)).toEqual([
      { state: { id, total: 1 }, data: { total: 1 } },
      { state: { id, total: 2 }, data: { total: 2 } },
    ]);
    expect(records[0]?.headers).toMatchObject({
      ce_type: 'order.created',
      ce_subject: id,
      ce_sequence: '1',
      traceparent,
    });
    expect(records[1]?.headers).toMatchObject({ ce_type: 'order.updated', ce_sequence: '2' });
  });

  it('leaves no gap and no order to chance when many write the same few', async () => {
    const [writers, each] = [8, 30];
    const ids = ['x', 'y', 'z'];
    const answers = await Promise.all(
      Array.from({ length: writers }, async (_, writer) => {
        const statuses: number[] = [];
        for (let n = 0; n < each; n += 1) {
          const { status } = await post(`/${ids[(writer + n) % 3]}`, `{"w${writer}": ${n}}`);
          statuses.push(status);
        }
        return statuses;
      }),
    );
    expect(answers.flat().filter((status) => status !== 200)).toEqual([]);
    const rows = await postgres.sql<{ id: string; version: number; state: object }[]>`
      select aggregateid as id, version::int, state from cqrs.aggregate
      where aggregateid in ('x', 'y', 'z')`;
    expect(rows.reduce((sum, { version }) => sum + version, 0)).toBe(writers * each);
    for (const { id, version, state } of rows) {
      const records = await recordsOf(id, version);
      expect(records.map(({ headers }) => headers['ce_sequence'])).toEqual(
        Array.from({ length: version }, (_, n) => String(n + 1)),
      );
      expect(records.at(-1)?.value).toMatchObject({ state });
    }
  }, 120_000);

  it('ends in order when Kubernetes tells it to', async () => {
    expect(await orders.stop('SIGTERM')).toBe(143);
  });
});
