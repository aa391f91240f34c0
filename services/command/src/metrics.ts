import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Admission } from './admission.ts';
import type { BodyRooms } from './body-rooms.ts';

/** Every metric of the command service. Labels are bounded: aggregates come from the configuration. */
export function createMetrics(admissions: () => readonly Admission[], { small, large }: BodyRooms) {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const gauge = (name: string, help: string, read: () => number): Gauge =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  const total = (count: (admission: Admission) => number): number =>
    admissions().reduce((sum, admission) => sum + count(admission), 0);
  gauge('cqrs_command_running', 'Requests in hand.', () => total(({ running }) => running()));
  gauge('cqrs_command_waiting', 'Requests that wait for room or for their aggregate.', () =>
    total(({ waiting }) => waiting()),
  );
  gauge(
    'cqrs_command_body_bytes',
    'Memory taken for the bodies of requests in hand.',
    () => small.taken() + large.taken(),
  );
  return {
    registry,
    duration: new Histogram({
      name: 'cqrs_command_request_duration_seconds',
      help: 'From the request line to the end of the answer.',
      labelNames: ['aggregate', 'method', 'status'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
      registers,
    }),
    outcomes: new Counter({
      name: 'cqrs_command_outcomes_total',
      help: 'Commands by what became of them: a kind of change, or the code of the problem.',
      labelNames: ['aggregate', 'outcome'],
      registers,
    }),
  };
}

export type Metrics = ReturnType<typeof createMetrics>;
