/** One command as a trace through all four programs and real stores; and nothing at all while tracing is off. */
import { randomBytes } from 'node:crypto';
import type { ViewConfig } from '@cqrs/contract/config.ts';
import type { RelayStatus } from '@cqrs/contract/ops-status.ts';
import { postgresNames, slotName } from '@cqrs/contract/postgres-names.ts';
import { topicName } from '@cqrs/contract/topics.ts';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { readTopic, startKafka, type TestKafka } from '../support/kafka.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { eventually } from '../support/eventually.ts';
import { startService, type TestService } from '../support/process.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import {
  startTraceCollector,
  type CollectedSpan,
  type TraceCollector,
} from '../support/trace-collector.ts';

const service = { namespace: 'test', name: 'shop' };
const topic = topicName(service, 'order');
const startMsMax = 60_000;
const spanMsMax = 20_000;
const aggregates = [{ name: 'order', schema: { type: 'object' } }];
const views: readonly ViewConfig[] = [
  {
    name: 'orders',
    sources: [{ topic, aggregate: 'order', gapless: true, role: 'root' }],
    indexes: [],
  },
];
const relayConfig = {
  service,
  slot: slotName(service),
  publication: postgresNames.publication,
  topics: [{ aggregate: 'order', topic, partitions: 1, retention: 'forever' }],
};

/** Tells on stderr of each module of OpenTelemetry's SDK that a program loads. Its API comes with prom-client, and does nothing alone. */
const watchModules = `data:text/javascript,${encodeURIComponent(
  `import { registerHooks } from 'node:module';
   registerHooks({ load: (url, context, next) => {
     if (/@opentelemetry.(?!api.)/.test(url)) process.stderr.write('LOADED ' + url + '\\n');
     return next(url, context);
   } });`,
)}`;

let stores: { postgres: TestPostgres; kafka: TestKafka; redis: TestRedis };
let collector: TraceCollector;
const token = { CQRS_TOKEN_KEY: randomBytes(32).toString('base64') };

type Programs = Readonly<Record<'command' | 'relay' | 'projector' | 'query', TestService>>;

async function startPrograms(env: Readonly<Record<string, string>>): Promise<Programs> {
  const { postgres, kafka, redis } = stores;
  const all = { ...token, ...env, NODE_OPTIONS: `--import=${watchModules}` };
  const command = await startService({
    program: 'command',
    config: { service, aggregates },
    env: { ...postgres.env('command'), ...all },
  });
  await command.ready();
  const relay = await startService({
    program: 'relay',
    config: relayConfig,
    env: { ...postgres.env('relay'), ...kafka.env, ...all },
  });
  await eventually('the relay to stream', startMsMax, async () => {
    return (await relay.status<RelayStatus>()).streaming;
  });
  const reading = { config: { service, views }, env: { ...kafka.env, ...redis.env, ...all } };
  const projector = await startService({ program: 'projector', ...reading });
  const query = await startService({ program: 'query', ...reading });
  await query.ready();
  onTestFinished(async () => {
    for (const program of [query, projector, relay, command]) await program.kill();
  });
  return { command, relay, projector, query };
}

beforeAll(async () => {
  const [postgres, kafka, redis] = await Promise.all([startPostgres(), startKafka(), startRedis()]);
  stores = { postgres, kafka, redis };
  collector = await startTraceCollector();
});

afterAll(async () => {
  await collector?.close();
  await stores.redis.stop();
  await stores.kafka.stop();
  await stores.postgres.stop();
});

/** Writes an order and reads it back, both below the client's span if there is one. */
async function writeAndRead({ command, query }: Programs, id: string, traceparent?: string) {
  const headers = traceparent === undefined ? undefined : { traceparent };
  const written = await fetch(`${command.http}/order/${id}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', ...headers },
    body: '{"total":1}',
  });
  expect(written.status).toBeLessThan(300);
  const consistency = written.headers.get('consistency-token') ?? '';
  const read = await fetch(`${query.http}/orders/${id}`, {
    headers: { 'consistency-token': consistency, prefer: 'wait=10', ...headers },
  });
  expect(read.status).toBe(200);
}

const hex = (bytes: number): string => randomBytes(bytes).toString('hex');

async function spanNamed(name: string, where: (span: CollectedSpan) => boolean) {
  return eventually(`the span ${name}`, spanMsMax, () =>
    collector.spans.find((span) => span.name === name && where(span)),
  );
}

async function recordOf(id: string) {
  return (await readTopic(stores.kafka, topic)).find(({ key }) => key === id);
}

test('a command and the read of it are one trace of four programs', async () => {
  const programs = await startPrograms({
    ...collector.env,
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20abc',
  });
  const [traceId, client] = [hex(16), hex(8)];
  await writeAndRead(programs, 'traced', `00-${traceId}-${client}-01`);
  const inTrace = (span: CollectedSpan): boolean => span.traceId === traceId;

  const request = await spanNamed('PUT /order/:id', inTrace);
  expect(request).toMatchObject({ service: 'cqrs-command', parentSpanId: client });
  expect(request.attributes).toMatchObject({ 'http.response.status_code': 201 });
  expect(await spanNamed('append', inTrace)).toMatchObject({ parentSpanId: request.spanId });
  expect(await spanNamed(`send ${topic}`, inTrace)).toMatchObject({
    service: 'cqrs-relay',
    parentSpanId: request.spanId,
  });
  expect(await spanNamed(`process ${topic}`, inTrace)).toMatchObject({
    service: 'cqrs-projector',
    parentSpanId: request.spanId,
    links: [{ traceId, spanId: request.spanId }],
  });
  expect(await spanNamed('GET /orders/:key', inTrace)).toMatchObject({
    service: 'cqrs-query',
    parentSpanId: client,
  });
  const record = await recordOf('traced');
  expect(record?.headers['traceparent']).toBe(`00-${traceId}-${request.spanId}-01`);
  expect(collector.authorization()).toBe('Bearer abc');
  for (const program of Object.values(programs)) expect(program.output()).toContain('LOADED');

  // Without a client's trace the command begins one.
  await writeAndRead(programs, 'begun');
  const begun = (await recordOf('begun'))?.headers['traceparent'] ?? '';
  const [, begunTrace = '', begunSpan = ''] = begun.split('-');
  await spanNamed(`process ${topic}`, ({ traceId: of }) => of === begunTrace);
  expect(await spanNamed('PUT /order/:id', ({ spanId }) => spanId === begunSpan)).toMatchObject({
    traceId: begunTrace,
    parentSpanId: '',
  });

  // What the client does not record is passed on, and leaves no span.
  const unrecorded = hex(16);
  await writeAndRead(programs, 'unrecorded', `00-${unrecorded}-${hex(8)}-00`);
  const passed = (await recordOf('unrecorded'))?.headers['traceparent'];
  expect(passed).toMatch(new RegExp(`^00-${unrecorded}-[0-9a-f]{16}-00$`));
  await writeAndRead(programs, 'after', `00-${hex(16)}-${client}-01`);
  const after = (await recordOf('after'))?.headers['traceparent']?.split('-')[1];
  for (const name of ['send', 'process']) {
    await spanNamed(`${name} ${topic}`, ({ traceId: of }) => of === after);
  }
  expect(collector.spans.filter(({ traceId: of }) => of === unrecorded)).toEqual([]);
});

test('what waits at the end of a program is sent', async () => {
  const { command } = await startPrograms(collector.env);
  const traceId = hex(16);
  await fetch(`${command.http}/order/none`, {
    headers: { traceparent: `00-${traceId}-${hex(8)}-01` },
  });
  await command.stop();
  expect(collector.spans.filter((span) => span.traceId === traceId)).toHaveLength(1);
});

test('a collector that is away disturbs nobody', async () => {
  const away = await startTraceCollector();
  await away.close();
  const programs = await startPrograms(away.env);
  for (let number = 0; number < 20; number += 1) await writeAndRead(programs, `away-${number}`);
  await eventually('the complaint', spanMsMax, () =>
    programs.command.output().includes('Traces cannot be sent'),
  );
  await writeAndRead(programs, 'still');
  const complaints = programs.command.output().match(/Traces cannot be sent/g);
  expect(complaints).toHaveLength(1);
  expect(await programs.command.stop()).toBe(0);
});

test('while it is off nothing is sent, and no module of it is loaded', async () => {
  const before = collector.spans.length;
  const programs = await startPrograms({});
  const given = `00-${hex(16)}-${hex(8)}-01`;
  await writeAndRead(programs, 'off', given);
  expect((await recordOf('off'))?.headers['traceparent']).toBe(given);
  for (const program of Object.values(programs)) expect(program.output()).not.toContain('LOADED');
  expect(collector.spans).toHaveLength(before);
});
