import type { RelayConfig } from '@cqrs/contract/config.ts';
import type { RelayStatus } from '@cqrs/contract/ops-status.ts';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readTopic, startKafka, type TestKafka } from '../support/kafka.ts';
import { migrate, outbox, republish, startRelay, writeEvents } from '../support/outbox.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { eventually } from '../support/eventually.ts';
import { type TestService } from '../support/process.ts';

const { slot, topic } = outbox;
const command =
  'kubectl exec --namespace shop deploy/orders-relay -- node services/relay/src/republish.ts';

let postgres: TestPostgres;
let kafka: TestKafka;
let relay: TestService | undefined;

beforeAll(async () => {
  [postgres, kafka] = await Promise.all([startPostgres(), startKafka()]);
  await migrate(postgres);
});
afterAll(async () => {
  await kafka?.stop();
  await postgres?.stop();
});
afterEach(async () => {
  await relay?.kill();
  const { sql } = postgres;
  await eventually('the slot to be free', 10_000, async () => {
    const [row] = await sql`select active from pg_replication_slots where slot_name = ${slot}`;
    return row?.['active'] !== true;
  });
  await sql`
    select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = ${slot}`;
  await sql`truncate cqrs.relay_position, cqrs.event`;
  await withAdmin(async (admin) => {
    if (!(await admin.listTopics()).includes(topic)) return;
    await deleteTopic(admin);
  });
});

type Admin = ReturnType<Kafka['admin']>;

async function withAdmin(work: (admin: Admin) => Promise<void>): Promise<void> {
  const admin = new Kafka({ brokers: [...kafka.brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    await work(admin);
  } finally {
    await admin.disconnect();
  }
}

async function deleteTopic(admin: Admin): Promise<void> {
  await admin.deleteTopics({ topics: [topic] });
  await eventually('the topic to be gone', 20_000, async () => {
    return !(await admin.listTopics()).includes(topic);
  });
}

/** The topic made anew by somebody else, with more records of theirs than the relay has ever published. */
async function makeAnewFilled(): Promise<void> {
  await withAdmin(async (admin) => {
    await deleteTopic(admin);
    await admin.createTopics({ topics: [{ topic, numPartitions: 3 }] }).catch(() => undefined);
  });
  const client = new Kafka({ brokers: [...kafka.brokers], logLevel: logLevel.NOTHING });
  const producer = client.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  try {
    const messages = Array.from({ length: 9 }, () => ({ value: '{}' }));
    await eventually('a leader that takes records', 20_000, async () => {
      return producer.send({ topic, messages }).then(
        () => true,
        () => false,
      );
    });
  } finally {
    await producer.disconnect();
  }
}

/** A relay that has published one event and was stopped in order; then a second event is written. */
async function publishOne(): Promise<void> {
  relay = await startRelay(postgres, kafka);
  await relay.ready();
  await writeEvents(postgres.sql, 1);
  await publishedSequences(['1']);
  expect(await relay.stop()).toBe(0);
  await writeEvents(postgres.sql, 1);
}

/** The versions in the topic without repetitions, once they are these. */
async function publishedSequences(sequences: readonly string[]): Promise<void> {
  let found: readonly string[] = [];
  await eventually(`the versions ${sequences.join(', ')}`, 30_000, async () => {
    const records = await readTopic(kafka, topic).catch(() => []);
    found = [...new Set(records.flatMap(({ headers }) => headers['ce_sequence'] ?? []))];
    return found.join() === sequences.join();
  }).catch((cause: unknown) => {
    throw new Error(`the topic has ${found.join(', ')}`, { cause });
  });
}

/** Until the relay's own record says that Kafka has acknowledged something; before, it would only publish it again. */
async function acknowledgedIsRecorded(): Promise<void> {
  await eventually('the record of what Kafka acknowledged', 20_000, async () => {
    const [row] = await postgres.sql`
      select from cqrs.relay_position, jsonb_each_text(published) where value::int > 0`;
    return row !== undefined;
  });
}

/** A relay that must not stream: alive, not ready, and saying why in its status and its log. */
async function refusal(code: string, config: RelayConfig = outbox.config): Promise<string> {
  const current = await startRelay(postgres, kafka, config);
  relay = current;
  return refusalOf(current, code);
}

/** A publisher tries a few times by itself before its session ends. */
const refusalMsMax = 60_000;

async function refusalOf(current: TestService, code: string): Promise<string> {
  await eventually(code, refusalMsMax, async () => {
    return (await current.status<RelayStatus>()).errorCode === code;
  });
  const { streaming, error } = await current.status<RelayStatus>();
  expect(streaming).toBe(false);
  expect((await fetch(`${current.ops}/livez`)).status).toBe(200);
  expect((await fetch(`${current.ops}/readyz`)).status).toBe(503);
  expect(current.output()).toContain(code);
  return error ?? '';
}

/** Runs the command that the message names; the relay that refused goes on by itself, with everything. */
async function recovers(error: string, versions = ['1', '2', '3']): Promise<void> {
  expect(error).toContain(command);
  const { code, said } = await republish(postgres);
  expect(said).toMatch(/publishes the \d+ events of the table/);
  expect(code).toBe(0);
  await relay?.ready(30_000);
  await writeEvents(postgres.sql, 1);
  await publishedSequences(versions);
}

describe('failing closed, and the one command that helps', () => {
  it('the slot is ahead of what Kafka acknowledged', async () => {
    await publishOne();
    await postgres.sql`select pg_replication_slot_advance(${slot}, pg_current_wal_lsn())`;
    const error = await refusal('CQRS_SLOT_AHEAD');
    expect(error).toMatch(/ahead of what Kafka/);
    await recovers(error);
  });

  it('the slot was dropped', async () => {
    await publishOne();
    await postgres.sql`select pg_drop_replication_slot(${slot})`;
    const error = await refusal('CQRS_SLOT_LOST');
    expect(error).toMatch(/does not exist any more/);
    await recovers(error);
  });

  it('the slot lost WAL because of max_slot_wal_keep_size', async () => {
    const { sql } = postgres;
    await publishOne();
    await sql`alter system set max_slot_wal_keep_size = '32MB'`;
    await sql`alter system set max_wal_size = '64MB'`;
    await sql`select pg_reload_conf()`;
    await eventually('the slot to be lost', 60_000, async () => {
      await sql`select pg_switch_wal() from pg_logical_emit_message(true, 'noise', repeat('x', 100))`;
      await sql`checkpoint`;
      const [row] =
        await sql`select wal_status from pg_replication_slots where slot_name = ${slot}`;
      return row?.['wal_status'] === 'lost';
    });
    await sql`alter system reset max_slot_wal_keep_size`;
    await sql`alter system reset max_wal_size`;
    await sql`select pg_reload_conf()`;
    const error = await refusal('CQRS_SLOT_LOST');
    expect(error).toMatch(/has lost WAL/);
    await recovers(error);
  }, 120_000);

  it('the record is of another Postgres', async () => {
    await publishOne();
    await postgres.sql`update cqrs.relay_position set system_identifier = '1'`;
    const error = await refusal('CQRS_SLOT_AHEAD');
    expect(error).toMatch(/another Postgres/);
    await recovers(error);
  });

  it('Postgres was promoted, and the relay had not been held back to what the standby had', async () => {
    await publishOne();
    await postgres.sql`update cqrs.relay_position set timeline = timeline + 1`;
    const error = await refusal('CQRS_TIMELINE_CHANGED');
    expect(error).toMatch(/timeline 2 before, 1 now/);
    await recovers(error);
  });

  it('the slot belongs to something else, which has to go first', async () => {
    await publishOne();
    const { sql } = postgres;
    await sql`select pg_drop_replication_slot(${slot})`;
    await sql`select pg_create_logical_replication_slot(${slot}, 'test_decoding')`;
    const error = await refusal('CQRS_SLOT_AHEAD');
    expect(error).toMatch(/not the relay's/);
    const { code, said } = await republish(postgres);
    expect([code, said]).toEqual([2, expect.stringContaining('Nothing was changed')]);
    const statement = /select pg_drop_replication_slot\('\w+'\)/.exec(said)?.[0];
    await sql.unsafe(String(statement));
    await recovers(error);
  });

  it('the publication was dropped, also when it is made again', async () => {
    await publishOne();
    const { sql } = postgres;
    await sql`drop publication cqrs`;
    const dropped = await refusal('CQRS_PUBLICATION_LOST');
    expect((await republish(postgres)).code).toBe(2);
    const statement = /create publication [^.]+ for table cqrs\.event with \([^)]+\)/.exec(dropped);
    await sql.unsafe(String(statement?.[0]));
    await eventually('the other reason', 20_000, async () => {
      return (await relay?.status<RelayStatus>())?.error?.includes('made again');
    });
    await recovers(dropped);
  });

  it('an event cannot be published', async () => {
    const { sql } = postgres;
    relay = await startRelay(postgres, kafka);
    await relay.ready();
    const insert = sql`
      insert into cqrs.event (id, aggregatetype, aggregateid, type, payload, version, timestamp)
      values (gen_random_uuid(), 'order', 'a', 'order.created', '{}', 1, 'infinity')`;
    await expect(insert.simple().execute()).rejects.toThrow('event_timestamp_fits_a_record');
    // A table that was made by older migrations has no such constraint for the rows that it holds.
    await sql`alter table cqrs.event drop constraint event_timestamp_fits_a_record`;
    await sql`
      insert into cqrs.event (id, aggregatetype, aggregateid, type, payload, version, timestamp)
      values (gen_random_uuid(), 'order', 'a', 'order.created', '{}', 1, 'infinity')`;
    await writeEvents(sql, 1);
    const error = await refusalOf(relay, 'CQRS_EVENT_MALFORMED');
    const id = /The event ([0-9a-f-]{36}) has the timestamp "infinity"/.exec(error)?.[1];
    await sql`update cqrs.event set timestamp = now() where id = ${String(id)}`;
    await recovers(error);
  });

  it('an event is of an aggregate that the service does not declare', async () => {
    relay = await startRelay(postgres, kafka);
    await relay.ready();
    await postgres.sql`
      insert into cqrs.event (id, aggregatetype, aggregateid, type, payload, version)
      values (gen_random_uuid(), 'ghost', 'g', 'ghost.created', '{}', 1)`;
    await writeEvents(postgres.sql, 2);
    const error = await refusalOf(relay, 'CQRS_AGGREGATE_UNDECLARED');
    expect(error).toMatch(/"ghost".*Declare it again/);
    await recovers(error);
  });

  it('the topic is gone', async () => {
    await publishOne();
    await withAdmin(deleteTopic);
    const error = await refusal('CQRS_TOPIC_LOST');
    expect(error).toMatch(/does not exist/);
    await recovers(error);
  });

  it('the topic is another one that is empty', async () => {
    await publishOne();
    await withAdmin(async (admin) => {
      await deleteTopic(admin);
      await admin.createTopics({ topics: [{ topic, numPartitions: 3 }], waitForLeaders: true });
    });
    const error = await refusal('CQRS_TOPIC_LOST');
    expect(error).toMatch(/has taken 0 records/);
    await recovers(error);
  });

  it('the topic is another one that somebody has filled', async () => {
    await publishOne();
    await makeAnewFilled();
    const error = await refusal('CQRS_TOPIC_LOST');
    expect(error).toMatch(/another one of the same name/);
    await recovers(error);
  }, 120_000);

  it('the topic is made anew and filled while the relay has nothing to publish', async () => {
    const current = await startRelay(postgres, kafka);
    relay = current;
    await current.ready();
    await writeEvents(postgres.sql, 1);
    await publishedSequences(['1']);
    await acknowledgedIsRecorded();
    await makeAnewFilled();
    const error = await refusalOf(current, 'CQRS_TOPIC_LOST');
    expect(error).toMatch(/another one of the same name/);
    await recovers(error, ['1', '2']);
  }, 120_000);

  it('a topic that is made anew while it is empty is no loss, and one behind its first event is', async () => {
    const first = await startRelay(postgres, kafka);
    relay = first;
    await first.ready();
    await withAdmin(async (admin) => {
      await deleteTopic(admin);
      await admin.createTopics({ topics: [{ topic, numPartitions: 3 }], waitForLeaders: true });
    });
    await writeEvents(postgres.sql, 1);
    await publishedSequences(['1']);
    await acknowledgedIsRecorded();
    expect(await first.stop()).toBe(0);
    const second = await startRelay(postgres, kafka);
    relay = second;
    await second.ready();
    await writeEvents(postgres.sql, 1);
    await publishedSequences(['1', '2']);
    expect(await second.stop()).toBe(0);
    await makeAnewFilled();
    expect(await refusal('CQRS_TOPIC_LOST')).toMatch(/another one of the same name/);
  }, 120_000);

  it('Kafka was replaced by an empty one while the relay works', async () => {
    relay = await startRelay(postgres, kafka);
    await relay.ready();
    await writeEvents(postgres.sql, 1);
    await publishedSequences(['1']);
    await acknowledgedIsRecorded();
    await withAdmin(deleteTopic);
    let written = 1;
    // A broker takes records for a moment longer than it lists the topic, so the first event may vanish unseen.
    await eventually('the loss to be noticed', refusalMsMax, async () => {
      await writeEvents(postgres.sql, 1);
      written += 1;
      return (await relay?.status<RelayStatus>())?.errorCode === 'CQRS_TOPIC_LOST';
    });
    const error = await refusalOf(relay, 'CQRS_TOPIC_LOST');
    expect(error).toMatch(/has acknowledged \d+ events/);
    await recovers(
      error,
      Array.from({ length: written + 1 }, (_, place) => String(place + 1)),
    );
  }, 120_000);

  it('the topic is lost while the relay has nothing to publish', async () => {
    const current = await startRelay(postgres, kafka);
    relay = current;
    await current.ready();
    await writeEvents(postgres.sql, 1);
    await publishedSequences(['1']);
    await acknowledgedIsRecorded();
    await withAdmin(deleteTopic);
    const error = await refusalOf(current, 'CQRS_TOPIC_LOST');
    expect(error).toMatch(/does not exist/);
    await recovers(error, ['1', '2']);
  }, 120_000);

  it('the topic has another number of partitions', async () => {
    await publishOne();
    const [declared] = outbox.config.topics;
    const error = await refusal('CQRS_TOPIC_MISMATCH', {
      ...outbox.config,
      topics: [{ ...declared, aggregate: 'order', topic, partitions: 4, retention: 'forever' }],
    });
    expect(error).toMatch(/has 3 partitions .* asks for 4/);
  });
});

describe('republish', () => {
  it('keeps the order of versions beyond the ninth', async () => {
    await writeEvents(postgres.sql, 12);
    relay = await startRelay(postgres, kafka);
    const inOrder = Array.from({ length: 12 }, (_, place) => String(place + 1));
    await expect(publishedSequences(inOrder)).resolves.toBeUndefined();
  });

  it('takes the slot from a relay that works, and from one that is frozen', async () => {
    relay = await startRelay(postgres, kafka);
    await relay.ready();
    await writeEvents(postgres.sql, 3);
    await publishedSequences(['1', '2', '3']);
    for (const frozen of [false, true]) {
      const before = (await readTopic(kafka, topic)).length;
      if (frozen) process.kill(relay.pid, 'SIGSTOP');
      const { code, said } = await republish(postgres);
      if (frozen) process.kill(relay.pid, 'SIGCONT');
      expect({ code, said }).toMatchObject({ code: 0 });
      await eventually('every event once more', 30_000, async () => {
        return (await readTopic(kafka, topic)).length === before + 3;
      });
    }
    await relay.ready();
    await writeEvents(postgres.sql, 1);
    await publishedSequences(['1', '2', '3', '4']);
  });

  it('exits with 1 when it knows nothing of the database', async () => {
    const nowhere = { env: () => ({ ...postgres.env('relay'), CQRS_POSTGRES_PORT: '1' }) };
    const { code, said } = await republish(nowhere);
    expect([code, said]).toEqual([1, expect.stringContaining('It is not known')]);
  });
});
