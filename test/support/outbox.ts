import { fileURLToPath } from 'node:url';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RelayConfig } from '@cqrs/contract/config.ts';
import { relayMemoryEnv } from '@cqrs/contract/env.ts';
import { slotName } from '@cqrs/contract/postgres-names.ts';
import type postgres from 'postgres';
import { runCommand } from '../terminal/run-command.ts';
import { run, startService, temporaryFolder, type TestService } from './process.ts';
import type { TestKafka } from './kafka.ts';

const programMsMax = 60_000;
const service = { namespace: 'shop', name: 'orders' };

type Write = { readonly env: (role: 'command' | 'relay') => Record<string, string> };

/** A service's outbox that a test writes by SQL, and the relay's configuration for it. */
export const outbox = {
  service,
  slot: slotName(service),
  topic: 'shop.orders.order',
  config: {
    service,
    slot: slotName(service),
    publication: 'cqrs',
    topics: [
      { aggregate: 'order', topic: 'shop.orders.order', partitions: 3, retention: 'forever' },
    ],
  } satisfies RelayConfig,
};

export async function migrate(store: Write): Promise<void> {
  const program = fileURLToPath(
    new URL('../../services/command/src/run-migrations.ts', import.meta.url),
  );
  await run([process.execPath, program], { timeoutMs: programMsMax, env: store.env('command') });
}

/** `count` events of one aggregate each, so that versions go on from what the aggregate has. */
export async function writeEvents(
  sql: postgres.Sql,
  count: number,
  aggregate = 'a',
): Promise<void> {
  await sql`
    insert into cqrs.event (id, aggregatetype, aggregateid, type, payload, version)
    select gen_random_uuid(), 'order', ${aggregate}, 'order.updated',
      jsonb_build_object('data', null, 'state', jsonb_build_object('id', ${aggregate}::text)),
      n + (select coalesce(max(version), 0) from cqrs.event where aggregateid = ${aggregate})
    from generate_series(1, ${count}::int) as n`;
}

export async function startRelay(
  store: Write,
  kafka: Pick<TestKafka, 'env'>,
  config: RelayConfig = outbox.config,
): Promise<TestService> {
  const env = { ...relayMemoryEnv, ...store.env('relay'), ...kafka.env };
  return startService({ program: 'relay', config, env });
}

/** Runs the program that the relay's messages name; gives what it printed and its exit code. */
export async function republish(
  store: Write,
): Promise<{ readonly code: number; readonly said: string }> {
  const program = fileURLToPath(new URL('../../services/relay/src/republish.ts', import.meta.url));
  const configFile = join(await temporaryFolder('republish'), 'config.json');
  await writeFile(configFile, JSON.stringify(outbox.config));
  const { code, stdout } = await runCommand(process.execPath, [program], {
    env: { ...store.env('relay'), CQRS_CONFIG_FILE: configFile },
    timeoutMs: programMsMax,
  });
  return { code, said: stdout };
}
