/** Commands that need large states, more of them at once than there is memory for. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { startService, type TestService } from '../support/process.ts';

const config = {
  service: { namespace: 'shop', name: 'orders' },
  aggregates: [{ name: 'order', schema: { type: 'object' } }],
};
const aggregates = 40;
const patchesEach = 2;
/** The limit of the command pod; Node then takes half of it for the heap. */
const podMiBMax = 384;

let postgres: TestPostgres;
let command: TestService;

beforeAll(async () => {
  postgres = await startPostgres();
  const env = { ...postgres.env('command'), NODE_OPTIONS: `--max-old-space-size=${podMiBMax / 2}` };
  command = await startService({ program: 'command', config, env });
  await command.ready();
});
afterAll(async () => {
  await command?.kill();
  await postgres?.stop();
});

async function send(method: string, path: string, body?: string): Promise<Response> {
  const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
  const headers = body === undefined ? {} : { 'content-type': type };
  return fetch(command.http + path, { method, headers, ...(body === undefined ? {} : { body }) });
}

/** The most memory that the process ever had. */
async function peakMiB(): Promise<number> {
  const status = await readFile(`/proc/${command.pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) / 1024;
}

it('patches of large states at once stay within the memory of a pod', async () => {
  // Many small values: the worst that a megabyte of JSON can be once it is parsed.
  const state = JSON.stringify({ list: Array.from({ length: 70_000 }, (_, n) => ({ n })) });
  for (let n = 0; n < aggregates; n += 1) {
    expect((await send('PUT', `/order/large${n}`, state)).status).toBe(201);
  }
  const patches = Array.from({ length: aggregates * patchesEach }, async (_, n) => {
    const answer = await send('PATCH', `/order/large${n % aggregates}`, `{"p${n}":${n}}`);
    return { status: answer.status, body: (await answer.json()) as { readonly type?: string } };
  });
  const small = Array.from({ length: aggregates }, async (_, n) => {
    return (await send('PUT', `/order/small${n}`, '{"n":1}')).status;
  });
  const answers = await Promise.all(patches);
  expect(new Set(await Promise.all(small))).toEqual(new Set([201]));
  expect(answers.filter(({ status }) => status !== 200 && status !== 503)).toEqual([]);
  const refused = answers.filter(({ status }) => status === 503);
  expect(new Set(refused.map(({ body }) => body.type))).toEqual(
    new Set(refused.length === 0 ? [] : ['urn:cqrs:problem:overloaded']),
  );
  expect(await peakMiB()).toBeLessThan(podMiBMax);

  // There is room for four at once.
  expect(answers.length - refused.length).toBeGreaterThanOrEqual(4);
  // Nothing of the room is lost: each is patched once more, by itself.
  for (let n = 0; n < aggregates; n += 1) {
    expect((await send('PATCH', `/order/large${n}`, '{"last":true}')).status).toBe(200);
  }
  const applied = answers.length - refused.length;
  process.stdout.write(`${applied} applied, ${refused.length} refused, ${await peakMiB()} MiB\n`);
  const versions = await Promise.all(
    Array.from({ length: aggregates }, async (_, n) => {
      const { headers } = await send('GET', `/order/large${n}`);
      return Number(headers.get('etag')?.slice(1, -1));
    }),
  );
  expect(versions.reduce((sum, version) => sum + version, 0)).toBe(2 * aggregates + applied);
}, 300_000);
