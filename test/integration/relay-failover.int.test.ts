import type { RelayStatus } from '@cqrs/contract/ops-status.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCommandLoad } from '../support/command-load.ts';
import { readTopic, startKafka, type TestKafka } from '../support/kafka.ts';
import { outbox, startRelay } from '../support/outbox.ts';
import { startPostgresPair, type PostgresPair } from '../support/postgres-pair.ts';
import { eventually } from '../support/eventually.ts';
import { startService, type TestService } from '../support/process.ts';

const { service, slot, topic } = outbox;

let pair: PostgresPair;
let kafka: TestKafka;
let command: TestService;
let relay: TestService;

beforeAll(async () => {
  [pair, kafka] = await Promise.all([startPostgresPair(), startKafka()]);
  command = await startService({
    program: 'command',
    config: { service, aggregates: [{ name: 'order', schema: {} }] },
    env: pair.env('command'),
  });
  await command.ready();
  relay = await startRelay(pair, kafka);
  await relay.ready();
});
afterAll(async () => {
  await relay?.kill();
  await command?.kill();
  await kafka?.stop();
  await pair?.stop();
});

const statusOf = async () => relay.status<RelayStatus>();

describe('a failover of Postgres under load', () => {
  it('loses nothing, publishes nothing that was not kept, and the relay goes on by itself', async () => {
    const load = startCommandLoad({
      url: command.http,
      aggregate: 'order',
      ids: 40,
      clients: 4,
      pauseMs: 2,
    });
    await eventually('the standby to have a copy of the slot', 90_000, async () => {
      const [copy] = await pair.standby`
        select from pg_replication_slots
        where slot_name = ${slot} and synced and not temporary and invalidation_reason is null`;
      return copy !== undefined;
    });
    const goal = load.acknowledgedCount() + 300;
    await eventually('more commands', 30_000, () => load.acknowledgedCount() >= goal);
    const startMs = performance.now();
    await pair.failOver();
    const promotedMs = performance.now();
    await eventually('the relay to stream from the new primary', 30_000, async () => {
      const [row] = await pair.standby`
        select active from pg_replication_slots where slot_name = ${slot}`;
      return row?.['active'] === true && (await statusOf()).streaming;
    });
    process.stdout.write(
      `promoted after ${Math.round(promotedMs - startMs)} ms, streaming ${Math.round(performance.now() - promotedMs)} ms later\n`,
    );
    const after = load.acknowledgedCount() + 300;
    await eventually(
      'commands on the new primary',
      30_000,
      () => load.acknowledgedCount() >= after,
    );
    await load.stop();
    expect(load.unexpected).toEqual([]);
    expect(relay.output()).not.toMatch(/SLOT_AHEAD|SLOT_LOST|TIMELINE_CHANGED/);

    const events = await pair.standby<{ id: string; aggregateid: string; version: string }[]>`
      select id::text, aggregateid, version from cqrs.event`;
    const kept = new Map<string, number>();
    for (const { aggregateid, version } of events) {
      kept.set(aggregateid, Math.max(kept.get(aggregateid) ?? 0, Number(version)));
    }
    const lost = [...load.acknowledged].filter(([id, version]) => (kept.get(id) ?? 0) < version);
    expect(lost).toEqual([]);
    const records = await eventually('every event in the topic', 30_000, async () => {
      const found = await readTopic(kafka, topic);
      const ids = new Set(found.map(({ headers }) => headers['ce_id']));
      return events.every(({ id }) => ids.has(id)) && found;
    });
    const ids = new Set(events.map(({ id }) => id));
    expect(records.filter(({ headers }) => !ids.has(headers['ce_id'] ?? ''))).toEqual([]);
    const latest = new Map<string, number>();
    const gaps = records.filter(({ key, headers }) => {
      const [known, version] = [latest.get(key) ?? 0, Number(headers['ce_sequence'])];
      latest.set(key, Math.max(known, version));
      return version > known + 1;
    });
    expect(gaps).toEqual([]);
    const [record] = await pair.standby`select timeline, gated from cqrs.relay_position`;
    expect(record).toEqual({ timeline: '2', gated: false });
    process.stdout.write(`${events.length} events, ${records.length} records\n`);
  }, 240_000);
});
