import { Kafka, logLevel } from 'kafkajs';

/** Two committed transactions with an aborted one between them, one record each: 1, (2), 3, and three markers. */
export async function publishTransactions(
  brokers: readonly string[],
  topic: string,
): Promise<void> {
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
  const producer = kafka.producer({
    transactionalId: topic,
    idempotent: true,
    maxInFlightRequests: 1,
  });
  await producer.connect();
  try {
    for (const [number, end] of [
      [1, 'commit'],
      [2, 'abort'],
      [3, 'commit'],
    ] as const) {
      const transaction = await producer.transaction();
      const value = JSON.stringify({ number, filling: '' });
      await transaction.send({ topic, messages: [{ key: 'k', value }] });
      await transaction[end]();
    }
  } finally {
    await producer.disconnect();
  }
}
