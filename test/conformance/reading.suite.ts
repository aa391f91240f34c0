import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readTopic } from '../support/kafka.ts';
import { eventually } from '../support/eventually.ts';
import { javaPartition } from './java-partition.ts';
import type { ReadPositions, Reader } from './reader.ts';
import { publishTransactions } from './transactions.ts';
import { numbersOf, partitions, record, settleMsMax, upTo, type World } from './world.ts';

const closeMsMax = 6_000;

async function closed(reader: Reader): Promise<number> {
  const startedAtMs = performance.now();
  await reader.stop();
  return performance.now() - startedAtMs;
}

/** What RecordSource promises. */
export function readingSuite(world: World): void {
  const { address, client, kafka, newTopic, publish, publisher, read } = world;

  describe(`reading with ${world.name}`, () => {
    test('tells what exists and where partitions begin and end', async () => {
      const topic = await newTopic({}, 2);
      const source = client.openRecordSource(address());
      onTestFinished(() => source.close());
      expect(await source.existing([topic, 'nobody-made-this'])).toEqual([topic]);
      expect(await source.offsets(topic)).toEqual([
        { partition: 0, low: 0n, high: 0n },
        { partition: 1, low: 0n, high: 0n },
      ]);
      await publish(topic, 0, 10);
      const highs = (await source.offsets(topic)).map(({ high }) => high);
      expect(highs.reduce((sum, high) => sum + high, 0n)).toBe(10n);
    });

    test('tells a topic that was made anew from the one before, if it can tell topics at all', async () => {
      const [topic, other] = [await newTopic({}, 1), await newTopic({}, 1)];
      const source = client.openRecordSource(address());
      onTestFinished(() => source.close());
      const before = await source.topicIds([topic, other]);
      if (before.size === 0) return;
      await using admin = client.openTopicAdmin(address());
      await admin.delete([topic]);
      await eventually('the topic to be gone', settleMsMax, async () => {
        return (await admin.existing([topic])).length === 0;
      });
      await admin.create([{ topic, partitions: 1, settings: {} }]);
      const after = await source.topicIds([topic, other]);
      expect([...after.keys()]).toEqual([topic, other]);
      expect(after.get(topic)).not.toBe(before.get(topic));
      expect(after.get(other)).toBe(before.get(other));
    });

    test('waits at the end of an empty topic, and gives what comes with its place and mark', async () => {
      const topic = await newTopic({}, 1);
      const reader = await read([topic]);
      await reader.assigned(1);
      await publish(topic, 0, 3);
      await reader.has(3);
      expect(reader.batches().at(-1)).toMatchObject({ topic, partition: 0, nextOffset: 3n });
      expect(reader.batches().at(-1)?.highWatermark).toBeGreaterThanOrEqual(3n);
      expect(reader.numbers()).toEqual([0, 1, 2]);
    });

    test('goes on from where a seek says, back or forth, and gives again what was not resolved', async () => {
      const topic = await newTopic({}, 1);
      await publish(topic, 0, 100);
      const reader = await read([topic]);
      await reader.has(100);
      reader.clear();
      reader.seek({ topic, partition: 0 }, 60n);
      await reader.has(40);
      expect(reader.numbers()).toEqual(upTo(100).slice(60));
      reader.clear();
      reader.leaveUnresolved(1);
      reader.seek({ topic, partition: 0 }, 90n);
      await reader.has(20);
      expect(reader.numbers()).toEqual([...upTo(100).slice(90), ...upTo(100).slice(90)]);
    });

    test('gives nothing of a paused partition until it is resumed, and the others go on', async () => {
      const topic = await newTopic({}, 2);
      await publish(topic, 0, 20);
      const reader = await read([topic]);
      await reader.has(20);
      reader.clear();
      reader.pause({ topic, partition: 0 });
      reader.seek({ topic, partition: 0 }, 0n);
      await publish(topic, 20, 20);
      const other = upTo(40).filter((n) => n >= 20 && javaPartition(`k${n}`, 2) === 1);
      await reader.has(other.length);
      await delay(1_000);
      expect(reader.numbers()).toEqual(other);
      reader.resume({ topic, partition: 0 });
      await reader.has(
        other.length + upTo(40).filter((n) => javaPartition(`k${n}`, 2) === 0).length,
      );
    });

    test('passes over what transactions leave, and reads on behind it', async () => {
      const topic = await newTopic({}, 1);
      await publishTransactions(kafka().brokers, topic);
      await publish(topic, 5, 1);
      const reader = await read([topic]);
      await reader.has(3);
      expect(reader.numbers()).toEqual([1, 3, 5]);
      expect(reader.position({ topic, partition: 0 })).toBe(7n);
    });

    test('reads a compacted topic, whose offsets have holes', async () => {
      const topic = await newTopic(
        {
          'cleanup.policy': 'compact',
          'segment.ms': '100',
          'min.cleanable.dirty.ratio': '0.01',
        },
        1,
      );
      await using open = await publisher();
      for (let version = 0; version < 20; version += 1) {
        await open.publish([record(topic, 'a', version), record(topic, 'b', 100 + version)]);
      }
      await delay(200);
      await open.publish([record(topic, 'c', 10_000)]);
      const left = await eventually('Kafka to compact the topic', settleMsMax, async () => {
        const records = await readTopic(kafka(), topic);
        return records.length < 30 && records;
      });
      const reader = await read([topic]);
      await reader.has(left.length);
      expect(reader.numbers()).toEqual(numbersOf(left));
      expect(reader.position({ topic, partition: 0 })).toBe(41n);
      reader.clear();
      reader.seek({ topic, partition: 0 }, 5n);
      await reader.has(left.length);
      expect(reader.numbers()).toEqual(numbersOf(left));
    });

    test('shares the partitions with a member that comes and goes, and skips no record', async () => {
      const topic = await newTopic();
      const group = randomUUID();
      const positions: ReadPositions = new Map();
      const one = await read([topic], { group, positions });
      await one.assigned(partitions);
      await publish(topic, 0, 600);
      const other = await read([topic], { group, positions });
      await Promise.all([one.assigned(partitions / 2), other.assigned(partitions / 2)]);
      const owned = [...one.partitions(), ...other.partitions()].map(({ partition }) => partition);
      expect(owned.toSorted((left, right) => left - right)).toEqual(upTo(partitions));
      await publish(topic, 600, 600);
      const seen = (): Set<number> => new Set([...one.numbers(), ...other.numbers()]);
      await eventually('both to read all', settleMsMax, () => seen().size === 1_200);
      await other.stop();
      await one.assigned(partitions);
      await publish(topic, 1_200, 600);
      await eventually('one to read all', settleMsMax, () => seen().size === 1_800);
    });

    test('never goes on as if nothing had happened when a topic was made anew', async () => {
      const topic = await newTopic({}, 1);
      await publish(topic, 0, 50);
      const reader = await read([topic]);
      await reader.has(50);
      reader.clear();
      await using admin = client.openTopicAdmin(address());
      await admin.delete([topic]);
      await eventually('the topic to be gone', settleMsMax, async () => {
        return (await admin.existing([topic])).length === 0;
      });
      await admin.create([{ topic, partitions: 1, settings: {} }]);
      await eventually('the new topic to take records', settleMsMax, () =>
        publish(topic, 1_000, 10).then(
          () => true,
          () => false,
        ),
      );
      await eventually('the reader to notice', settleMsMax, () => {
        return reader.failure() !== undefined || reader.batches().length > 0;
      });
      expect(reader.batches().filter(({ fetchedOffset }) => fetchedOffset === 50n)).toEqual([]);
    });

    test('does not wait in silence for a topic that does not exist', async () => {
      const reader = await read(['nobody-made-this']).catch((error: Error) => error);
      const failed =
        reader instanceof Error
          ? reader
          : await eventually('the reader to fail', settleMsMax, () => reader.failure());
      expect(failed.message).toMatch(/topic/i);
    });

    test('closes within a bound, also while the broker hangs, and fails when it was killed', async () => {
      const topic = await newTopic({}, 1);
      const [calm, hanging, killed] = await Promise.all([
        read([topic]),
        read([topic]),
        read([topic]),
      ]);
      expect(await closed(calm)).toBeLessThan(closeMsMax);
      kafka().pause();
      const hung = await closed(hanging);
      kafka().resume();
      expect(hung).toBeLessThan(closeMsMax);
      await kafka().kill();
      await eventually('the reader to fail', settleMsMax, () => killed.failure() !== undefined);
      expect(await closed(killed)).toBeLessThan(closeMsMax);
      await kafka().start();
      await publish(topic, 0, 5);
      // While the group's coordinator loads, a session may still end: a program opens the next one, as here.
      let reader: Reader | undefined;
      await eventually('a reader to see what was published', settleMsMax, async () => {
        if (reader === undefined || reader.failure() !== undefined) {
          reader = await read([topic]).catch(() => undefined);
        }
        return reader?.numbers().length === 5;
      });
    });
  });
}
