/** A Kafka record as the client hands it over, for tests that play Kafka's part. */
import type { FetchedRecord } from '@cqrs/runtime/kafka/port.ts';

function bytes(text: string | Buffer | null): Buffer | null {
  return typeof text === 'string' ? Buffer.from(text) : text;
}

export function fetchedRecord(of: {
  readonly offset: number | string;
  readonly key: string | Buffer | null;
  readonly value: string | Buffer | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timestampMs?: number;
}): FetchedRecord {
  const { offset, key, value, headers = {}, timestampMs = 0 } = of;
  return {
    offset: String(offset),
    key: bytes(key),
    value: bytes(value),
    timestampMs,
    header: (name) => headers[name],
    headers: () =>
      Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)])),
  };
}
