import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Every metric of the relay. */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  return {
    registry,
    published: new Counter({
      name: 'cqrs_relay_events_published_total',
      help: 'Events that Kafka has acknowledged.',
      registers,
    }),
    batchEvents: new Histogram({
      name: 'cqrs_relay_batch_events',
      help: 'Events in one produce request.',
      buckets: [1, 2, 5, 10, 50, 100, 500, 1_000, 2_000],
      registers,
    }),
    publishDuration: new Histogram({
      name: 'cqrs_relay_publish_duration_seconds',
      help: 'From a produce request to its acknowledgement.',
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
      registers,
    }),
    eventAge: new Histogram({
      name: 'cqrs_relay_event_age_seconds',
      help: 'Age of the oldest event of a batch, by its own timestamp, when Kafka acknowledged it.',
      buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 30],
      registers,
    }),
    lagBytes: new Gauge({
      name: 'cqrs_relay_lag_bytes',
      help: 'WAL between the end of the server and what Kafka has acknowledged.',
      registers,
    }),
    bufferBytes: new Gauge({
      name: 'cqrs_relay_buffer_bytes',
      help: 'Decoded events that wait for Kafka.',
      registers,
    }),
    restarts: new Counter({
      name: 'cqrs_relay_restarts_total',
      help: 'Sessions that ended by an error, by its code.',
      labelNames: ['code'],
      registers,
    }),
    streaming: new Gauge({
      name: 'cqrs_relay_streaming',
      help: 'Whether the relay reads the WAL now.',
      registers,
    }),
  };
}

export type Metrics = ReturnType<typeof createMetrics>;
