import { expect, test } from 'vitest';
import { lastWords } from './pod-words.ts';

test.each([
  {
    of: 'a program of ours',
    log: [
      '{"level":30,"time":"2026-01-02T03:04:05.678Z","program":"relay","message":"Starting"}',
      '{"level":50,"time":"2026-01-02T03:04:06.678Z","err":{"message":"No slot is free.","code":"CQRS_SLOT_LOST"},"message":"Ended"}',
    ],
    says: 'CQRS_SLOT_LOST: No slot is free',
  },
  {
    of: 'a program of ours that puts the sentence beside the message',
    log: ['{"level":40,"code":"CQRS_TOPIC_MISSING","detail":"No such topic","message":"Held up"}'],
    says: 'CQRS_TOPIC_MISSING: No such topic',
  },
  {
    of: 'an error that nobody caught',
    log: [
      'file:///app/services/runtime/config.ts:10',
      '    throw new CqrsError(',
      '          ^',
      '',
      'CqrsError: The environment variable CQRS_POSTGRES_HOST is not set; set it.',
      '    at requiredEnv (file:///app/services/runtime/config.ts:10:11) {',
      "  code: 'CQRS_ENV_MISSING'",
      '}',
      '',
      'Node.js v24.12.0',
    ],
    says: 'CQRS_ENV_MISSING: The environment variable CQRS_POSTGRES_HOST is not set; set it',
  },
  {
    of: 'Postgres',
    log: [
      '2026-01-02 03:04:05.678 UTC [7] FATAL:  could not write lock file "postmaster.pid": No space left on device',
      '2026-01-02 03:04:05.679 UTC [7] LOG:  database system is shut down',
    ],
    says: 'FATAL:  could not write lock file "postmaster.pid": No space left on device',
  },
  {
    of: 'Redis',
    log: ["1:M 02 Jan 2026 03:04:05.678 # Fatal error, can't open config file '/etc/redis.conf'"],
    says: "Fatal error, can't open config file '/etc/redis.conf'",
  },
  {
    of: 'Kafka',
    log: [
      '[2026-01-02 03:04:05,678] ERROR Exiting Kafka due to fatal exception (kafka.Kafka$)',
      '\tat kafka.Kafka.main(Kafka.scala)',
    ],
    says: 'ERROR Exiting Kafka due to fatal exception (kafka.Kafka$)',
  },
  { of: 'anybody', log: ['Hello', 'Bye now.', ''], says: 'Bye now' },
  { of: 'somebody verbose', log: ['x'.repeat(3000)], says: `${'x'.repeat(400)}…` },
])('of $of: what it gave up over, without the time', ({ log, says }) => {
  expect(lastWords(log.join('\n'))).toBe(says);
});

test('nobody who said nothing is quoted', () => {
  expect(lastWords(' \n')).toBeUndefined();
});
