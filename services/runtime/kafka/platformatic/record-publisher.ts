import { murmur2, Producer, type MessageToProduce } from '@platformatic/kafka';
import type { KafkaAddress, OutgoingRecord, RecordPublisher } from '../port.ts';
import { clientOptions } from './client-options.ts';
import { explained } from './explained.ts';

const acknowledgeMsMax = 10_000;
/** The broker says by itself that replicas did not follow in time; only a broker that is silent is given up. */
const requestMsMax = 12_000;
/** Short outages stay inside one send, with the same sequence numbers; longer ones end the publisher. */
const retriesMax = 4;
const closeMsMax = 3_000;
/**
 * This client counts a partition's records without end, and Kafka's sequence numbers have 31 bits: it would fail at the
 * 2,147,483,648th. A publisher that has sent this many is spent, and a new one counts anew.
 */
const recordsMaxByDefault = 2_000_000_000;
const runMsMax = 2 ** 31 - 1;

export async function openPublisher(
  address: KafkaAddress,
  recordsMax = recordsMaxByDefault,
): Promise<RecordPublisher> {
  const producer = new Producer({
    ...clientOptions(address, { requestMsMax, retriesMax }),
    timeout: acknowledgeMsMax,
    idempotent: true,
  });
  let failure: unknown;
  let sent = 0;
  const close = async (): Promise<void> => {
    const bound = AbortSignal.timeout(closeMsMax);
    const late = new Promise<void>((resolve) => {
      bound.addEventListener('abort', () => resolve(), { once: true });
    });
    await Promise.race([producer.close(true).catch(() => undefined), late]);
  };
  try {
    await producer.connectToBrokers();
    await producer.initIdempotentProducer({});
  } catch (error) {
    await close();
    throw explained(error);
  }
  const send = async (batch: readonly OutgoingRecord[]): Promise<void> => {
    sent += batch.length;
    if (sent > recordsMax) throw new RangeError(`This publisher has sent ${recordsMax} records.`);
    const topics = [...new Set(batch.map(({ topic }) => topic))];
    const metadata = await producer.metadata({ topics });
    for (const run of runsInTime(batch)) {
      const messages = run.map((record) =>
        messageOf(record, metadata.topics.get(record.topic)?.partitionsCount ?? 1),
      );
      const { offsets = [] } = await producer.send({ messages });
      const asked = new Set(messages.map(({ topic, partition }) => `${topic}/${partition}`));
      for (const { topic, partition } of offsets) asked.delete(`${topic}/${partition}`);
      if (asked.size > 0) throw new TypeError(`Kafka left ${[...asked].join(', ')} unanswered.`);
    }
  };
  return {
    publish: async (batch) => {
      if (failure !== undefined) {
        throw new TypeError('This publisher is spent: an earlier batch has failed.', {
          cause: failure,
        });
      }
      try {
        await send(batch);
      } catch (error) {
        failure = explained(error);
        throw failure;
      }
    },
    [Symbol.asyncDispose]: close,
  };
}

/**
 * This client writes the distance between the times of a batch's records with 32 bits, and beyond 24 days it writes
 * another. Events come in the order of their time, so a batch that reaches that far is rare, and sent in parts.
 */
export function runsInTime(
  batch: readonly OutgoingRecord[],
): readonly (readonly OutgoingRecord[])[] {
  const runs: OutgoingRecord[][] = [];
  let [earliest, latest] = [Infinity, -Infinity];
  for (const record of batch) {
    earliest = Math.min(earliest, record.timestampMs);
    latest = Math.max(latest, record.timestampMs);
    const run = runs.at(-1);
    if (run !== undefined && latest - earliest <= runMsMax) run.push(record);
    else {
      runs.push([record]);
      earliest = record.timestampMs;
      latest = record.timestampMs;
    }
  }
  return runs;
}

/** Where Kafka's Java client puts a key: murmur2 without its sign. The client's own default keeps the sign. */
export function partitionOf(key: Buffer, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions;
}

function messageOf(
  { topic, key, value, headers, timestampMs }: OutgoingRecord,
  partitions: number,
): MessageToProduce {
  return {
    topic,
    partition: key === null ? 0 : partitionOf(key, partitions),
    ...(key === null ? {} : { key }),
    ...(value === null ? {} : { value }),
    timestamp: BigInt(timestampMs),
    headers: new Map(
      Object.entries(headers).map(([name, text]) => [
        nameBytes(name),
        typeof text === 'string' ? Buffer.from(text) : text,
      ]),
    ),
  };
}

const knownNames = new Map<string, Buffer>();

/** Header names are few, and the same for every record. */
function nameBytes(name: string): Buffer {
  let bytes = knownNames.get(name);
  if (bytes === undefined) {
    bytes = Buffer.from(name);
    knownNames.set(name, bytes);
  }
  return bytes;
}
