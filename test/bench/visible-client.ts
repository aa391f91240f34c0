/**
 * A process of its own that creates aggregates at a steady rate, and follows some of them until the query service shows
 * the document. The time of the commit is the event's `ce_time`, the beginning of its transaction, so that the flush to
 * disk counts as waiting; the time in Kafka is when the broker appended the record. All clocks are this machine's.
 *
 * `node visible-client.ts --command URL --query URL --broker HOST:PORT --topic NAME --rate N --seconds N`
 */
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { headerNames } from '@cqrs/contract/envelope.ts';
import { Kafka, logLevel } from 'kafkajs';
import { openBareHttp, type BareHttp } from './bare-http.ts';
import { orderBody } from './orders.ts';

export type VisibleReport = {
  readonly perSecond: number;
  /** Answers other than 201. */
  readonly others: number;
  readonly commitToKafkaMs: readonly number[];
  readonly kafkaToStoreMs: readonly number[];
  readonly visibleMs: readonly number[];
};

const writers = 64;
const watchers = 16;
/** More would make the looking a load of its own. */
const followedPerSecondMax = 50;
const tickMs = 5;
const lookAgainMs = 1;
const followMsMax = 30_000;
/** Kafka's number for it; the client's own name is not among its ES module exports. */
const topicResource = 2;

async function open(base: string, count: number): Promise<BareHttp[]> {
  return Promise.all(Array.from({ length: count }, async () => openBareHttp(base)));
}

/** A moment as milliseconds since 1970, with fractions. */
const nowMs = (): number => performance.timeOrigin + performance.now();

type Seen = { committedAtMs: number; inKafkaAtMs: number; visibleAtMs: number };

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      command: { type: 'string', default: '' },
      query: { type: 'string', default: '' },
      broker: { type: 'string', default: '' },
      topic: { type: 'string', default: '' },
      rate: { type: 'string', default: '1000' },
      seconds: { type: 'string', default: '10' },
    },
  });
  const [rate, seconds] = [Number(values.rate), Number(values.seconds)];
  const kafka = new Kafka({ brokers: [values.broker], logLevel: logLevel.NOTHING });
  await stampWhenAppended(kafka, values.topic);
  const free = await open(values.command, writers);
  const looking = await open(values.query, watchers);
  const followed = new Map<string, number>();
  const following: Promise<void>[] = [];
  let [sent, answered, others] = [0, 0, 0];

  const follow = async (id: string): Promise<void> => {
    const watcher = looking.pop();
    if (watcher === undefined) return;
    const deadlineMs = nowMs() + followMsMax;
    for (;;) {
      const { status } = await watcher.send('GET', `/orders/${id}`);
      if (status === 200) break;
      if (nowMs() > deadlineMs) throw new Error(`${id} did not become visible`);
      await delay(lookAgainMs);
    }
    followed.set(id, nowMs());
    looking.push(watcher);
  };
  const write = async (writer: BareHttp, number: number): Promise<void> => {
    const { status, body } = await writer.send('POST', '/order', orderBody(number));
    free.push(writer);
    answered += 1;
    if (status !== 201) others += 1;
    else if (number % Math.ceil(rate / followedPerSecondMax) === 0) {
      following.push(follow((JSON.parse(body) as { readonly id: string }).id));
    }
  };
  const startedAtMs = nowMs();
  const writes: Promise<void>[] = [];
  for (let elapsedMs = 0; elapsedMs < seconds * 1000; elapsedMs = nowMs() - startedAtMs) {
    for (const due = (elapsedMs / 1000) * rate; sent < due;) {
      const writer = free.pop();
      if (writer === undefined) break;
      sent += 1;
      writes.push(write(writer, sent));
    }
    await delay(tickMs);
  }
  await Promise.all(writes);
  const perSecond = answered / ((nowMs() - startedAtMs) / 1000);
  await Promise.all(following);
  const whole = await readArrivals(kafka, values.topic, [...followed.keys()]);
  const times = [...followed].map(([id, visibleAtMs]): Seen => {
    const arrival = whole.get(id);
    return { ...(arrival ?? { committedAtMs: Number.NaN, inKafkaAtMs: Number.NaN }), visibleAtMs };
  });
  const report: VisibleReport = {
    perSecond,
    others,
    commitToKafkaMs: times.map((at) => at.inKafkaAtMs - at.committedAtMs),
    kafkaToStoreMs: times.map((at) => at.visibleAtMs - at.inKafkaAtMs),
    visibleMs: times.map((at) => at.visibleAtMs - at.committedAtMs),
  };
  process.stdout.write(JSON.stringify(report), () => process.exit());
}

type Arrival = Pick<Seen, 'committedAtMs' | 'inKafkaAtMs'>;

/** Has the broker write into each record when it appended it. */
async function stampWhenAppended(kafka: Kafka, topic: string): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  await admin.alterConfigs({
    validateOnly: false,
    resources: [
      {
        type: topicResource,
        name: topic,
        configEntries: [{ name: 'message.timestamp.type', value: 'LogAppendTime' }],
      },
    ],
  });
  await admin.disconnect();
}

/** Reads the topic until it has seen these keys: afterwards, as a reader beside the load would be a load itself. */
async function readArrivals(
  kafka: Kafka,
  topic: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Arrival>> {
  const arrivals = new Map<string, Arrival>();
  const consumer = kafka.consumer({ groupId: `bench-${process.pid}`, maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachBatch: async ({ batch }) => {
      for (const { key, headers, timestamp } of batch.messages) {
        const committedAtMs = epochMs(String(headers?.[headerNames.time]));
        arrivals.set(String(key), { committedAtMs, inKafkaAtMs: Number(timestamp) });
      }
    },
  });
  const deadlineMs = nowMs() + followMsMax;
  while (!ids.every((id) => arrivals.has(id))) {
    if (nowMs() > deadlineMs) throw new Error('The consumer missed events');
    await delay(tickMs);
  }
  return arrivals;
}

/** RFC 3339 with microseconds, of which Date keeps only three digits. */
function epochMs(time: string): number {
  const fraction = /\.(\d+)/.exec(time)?.[1] ?? '0';
  return Math.floor(Date.parse(time) / 1000) * 1000 + Number(`0.${fraction}`) * 1000;
}

await main();
