import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { run, startService } from '../support/process.ts';
import type { ClientReport } from './command-client.ts';
import { quantile, type BenchOptions, type Measured } from './figures.ts';
import { orderAggregate, service } from './orders.ts';

const clients = 64;
const ratioMin = 2;
const rounds = 3;
const roundSeconds = 6;
const warmUpSeconds = 3;
const processMsMax = 60_000;
const clientProgram = fileURLToPath(new URL('./command-client.ts', import.meta.url));

const config = { service, aggregates: [orderAggregate] };

/** What a command writes, as pgbench does it in one transaction; ids ascend as UUIDv7 do. */
const twoInserts = `
\\set n :n + 1
begin;
insert into cqrs.aggregate (aggregatetype, aggregateid, version, state)
  values ('peer', :client_id || '-' || :n, 1,
    jsonb_build_object('id', :client_id || '-' || :n, 'customerId', 'customer-7', 'total', 5, 'note', 'left at the door'));
insert into cqrs.event (id, aggregatetype, aggregateid, type, payload, version)
  values (gen_random_uuid(), 'peer', :client_id || '-' || :n, 'peer.created',
    '{"state":{"id":"0198c2a4-7e00-7000-8000-000000000000","customerId":"customer-7","total":5,"note":"left at the door"},"data":{"customerId":"customer-7","total":5,"note":"left at the door"}}', 1);
commit;
`;

/** Durable commands through one command process, and beside it pgbench doing the same two inserts; by turns. */
export async function benchCommands({ note }: BenchOptions): Promise<Measured> {
  const postgres = await startPostgres();
  const command = await startService({ program: 'command', config, env: postgres.env('command') });
  const folder = await mkdtemp(join(tmpdir(), 'bench-commands-'));
  const script = join(folder, 'two-inserts.sql');
  try {
    await command.ready();
    await writeFile(script, twoInserts);
    await load(`${command.http}/order`, warmUpSeconds);
    const reports: ClientReport[] = [];
    const peers: number[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      peers.push(await pgbench(postgres, script));
      const report = await load(`${command.http}/order`, roundSeconds);
      reports.push(report);
      const rate = report.acknowledged / report.seconds;
      note(`round ${round}: ${rate.toFixed(0)}/s beside ${peers.at(-1)?.toFixed(0)}/s`);
    }
    await expectEveryEvent(postgres);
    const perSecond =
      total(reports.map(({ acknowledged }) => acknowledged)) /
      total(reports.map(({ seconds }) => seconds));
    const pgbenchPerSecond = total(peers) / peers.length;
    const latenciesMs = reports.flatMap((report) => report.latenciesMs);
    return {
      name: 'commands',
      figures: [
        {
          key: 'per_second',
          value: perSecond,
          peer: { key: 'pgbench_per_second', value: pgbenchPerSecond },
        },
        { key: 'ratio', value: perSecond / pgbenchPerSecond, atLeast: ratioMin },
        { key: 'p50_ms', value: quantile(latenciesMs, 0.5) },
        { key: 'p99_ms', value: quantile(latenciesMs, 0.99) },
      ],
    };
  } finally {
    await command.stop();
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function load(url: string, seconds: number): Promise<ClientReport> {
  const text = await run(
    [
      process.execPath,
      clientProgram,
      `--url=${url}`,
      `--connections=${clients}`,
      `--seconds=${seconds}`,
    ],
    { timeoutMs: processMsMax },
  );
  const report = JSON.parse(text) as ClientReport;
  if (Object.keys(report.others).length > 0) {
    throw new Error(`Not every command was taken: ${JSON.stringify(report.others)}`);
  }
  return report;
}

/** Transactions per second, without the time in which the connections were made. */
async function pgbench(postgres: TestPostgres, script: string): Promise<number> {
  const { host, port, database, passwords } = postgres;
  // Each round begins with its own numbers, after those that earlier rounds have used.
  const [{ used }] = await postgres.sql<[{ used: string }]>`
    select coalesce(max(split_part(aggregateid, '-', 2)::bigint), 0) as used
    from cqrs.aggregate where aggregatetype = 'peer'`;
  const text = await run(
    [
      join(await binaries(postgres), 'pgbench'),
      '--no-vacuum',
      '--protocol=prepared',
      `--client=${clients}`,
      '--jobs=2',
      `--time=${roundSeconds}`,
      `--define=n=${used}`,
      `--file=${script}`,
      `--host=${host}`,
      `--port=${port}`,
      '--username=postgres',
      database,
    ],
    { timeoutMs: processMsMax, env: { PGPASSWORD: passwords.postgres } },
  );
  const rate = /tps = ([\d.]+) \(without/.exec(text)?.[1];
  if (rate === undefined) throw new Error(`pgbench said no rate: ${text}`);
  return Number(rate);
}

/** The folder of the server's own programs, beside which pgbench is. */
async function binaries(postgres: TestPostgres): Promise<string> {
  const [row] = await postgres.sql<{ setting: string }[]>`
    select setting from pg_config where name = 'BINDIR'`;
  if (row === undefined) throw new Error('Postgres does not tell where its programs are');
  return row.setting;
}

/** A rate counts only what is durable and whole: as many events as aggregates. */
async function expectEveryEvent({ sql }: TestPostgres): Promise<void> {
  const [{ alone }] = await sql<[{ alone: number }]>`
    select count(*)::int as alone from cqrs.aggregate full join cqrs.event
      using (aggregatetype, aggregateid, version)
    where cqrs.event.id is null or cqrs.aggregate.deleted is null`;
  if (alone > 0) throw new Error(`${alone} states or events are without the other`);
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
