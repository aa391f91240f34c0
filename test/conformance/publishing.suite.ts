import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { readTopic } from '../support/kafka.ts';
import { eventually } from '../support/eventually.ts';
import { javaPartition } from './java-partition.ts';
import { numbersOf, partitions, record, settleMsMax, type World } from './world.ts';

const recordBytesMax = 5_242_880;

/** What RecordPublisher promises. */
export function publishingSuite(world: World): void {
  const { kafka, newTopic, publisher, read } = world;

  describe(`publishing with ${world.name}`, () => {
    test("keeps each key's order, where Kafka's Java client puts it, with headers and time", async () => {
      const topic = await newTopic();
      await using open = await publisher();
      const keys = ['a', 'order-17', randomUUID(), 'ключ', ''].concat(
        Array.from({ length: 40 }, () => randomUUID()),
      );
      for (const first of [0, 100, 200]) {
        await open.publish(
          Array.from({ length: 100 }, (_, place) =>
            record(topic, keys[place % keys.length] ?? '', first + place),
          ),
        );
      }
      const records = await readTopic(kafka(), topic);
      expect(records).toHaveLength(300);
      expect(
        records.filter(({ key, partition }) => partition !== javaPartition(key, partitions)),
      ).toEqual([]);
      for (const key of keys) {
        const numbers = numbersOf(records.filter((each) => each.key === key));
        expect(numbers).toEqual(numbers.toSorted((one, other) => one - other));
      }
      const [some] = records;
      const [number] = numbersOf(records);
      expect(some).toMatchObject({
        timestampMs: 1_700_000_000_000 + (number ?? 0),
        headers: { number: String(number), same: 'for all' },
      });
    });

    test('keeps the time of records that are years apart in one batch', async () => {
      const topic = await newTopic({}, 1);
      await using open = await publisher();
      const times = [0, 40, 2_000, 1].map((days) => 1_500_000_000_000 + days * 86_400_000);
      await open.publish(
        times.map((timestampMs, number) => ({ ...record(topic, 'k', number), timestampMs })),
      );
      const records = await readTopic(kafka(), topic);
      expect(records.map(({ timestampMs }) => timestampMs)).toEqual(times);
    });

    test('takes a batch of 900 kB and a record of 4 MiB, and they are read again', async () => {
      const topic = await newTopic({ 'max.message.bytes': String(recordBytesMax) });
      await using open = await publisher();
      const batch = Array.from({ length: 1_500 }, (_, number) =>
        record(topic, `k${number}`, number, 450),
      );
      await open.publish(batch);
      await open.publish([record(topic, 'large', 1_500, 4 * 1024 * 1024)]);
      const reader = await read([topic]);
      await reader.has(1_501);
      expect(new Set(reader.numbers()).size).toBe(1_501);
      expect(Math.max(...reader.sizes())).toBeGreaterThan(4 * 1024 * 1024);
    });

    test('fails as a whole when one partition is refused, and is spent from then on', async () => {
      const [narrow, wide] = [await newTopic({ 'max.message.bytes': '1000' }), await newTopic()];
      await using open = await publisher();
      await expect(
        open.publish([record(narrow, 'k', 1, 10_000), record(wide, 'k', 1)]),
      ).rejects.toThrow(/large/i);
      await expect(open.publish([record(wide, 'k', 2)])).rejects.toThrow(/spent/);
      expect(await readTopic(kafka(), narrow)).toEqual([]);
    });

    test('refuses a topic that does not exist, within a bound', async () => {
      await using open = await publisher();
      await expect(open.publish([record('nobody-made-this', 'k', 1)])).rejects.toThrow(/topic/i);
    });

    test('waits for a broker that hangs for a while, and repeats nothing', async () => {
      const topic = await newTopic({}, 1);
      await using open = await publisher();
      await open.publish([record(topic, 'k', 0)]);
      kafka().pause();
      const published = open.publish([record(topic, 'k', 1)]);
      await delay(3_000);
      kafka().resume();
      await published;
      expect(numbersOf(await readTopic(kafka(), topic))).toEqual([0, 1]);
    });

    test('repeats contiguous runs and loses nothing while the broker is killed', async () => {
      const topic = await newTopic({}, 1);
      const batches = 120;
      const batchRecords = 50;
      let kills = 0;
      let errors = 0;
      let open = await publisher();
      for (let batch = 0; batch < batches;) {
        if (batch === 30 * (kills + 1) && kills < 2) {
          kills += 1;
          void kafka().restart();
        }
        const records = Array.from({ length: batchRecords }, (_, place) =>
          record(topic, 'k', batch * batchRecords + place, 200),
        );
        try {
          await open.publish(records);
          batch += 1;
        } catch {
          errors += 1;
          await open[Symbol.asyncDispose]();
          open = await eventually('a new publisher', settleMsMax, () =>
            publisher().catch(() => undefined),
          );
        }
      }
      await open[Symbol.asyncDispose]();
      const numbers = numbersOf(await readTopic(kafka(), topic));
      expect(new Set(numbers).size).toBe(batches * batchRecords);
      // Each follows one before it, or goes back to where something was repeated from: no step skips forward.
      let highest = -1;
      const skipped = numbers.filter((number) => {
        const isSkip = number > highest + 1;
        highest = Math.max(highest, number);
        return isSkip;
      });
      expect(skipped).toEqual([]);
      const repeated = numbers.length - batches * batchRecords;
      expect(repeated).toBeLessThanOrEqual(errors * batchRecords);
    });
  });
}
