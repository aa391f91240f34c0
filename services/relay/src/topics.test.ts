import { expect, it } from 'vitest';
import { topicSettings } from './topics.ts';

it.each([
  ['forever', 'delete', '-1'],
  ['compact', 'compact', '-1'],
  [{ seconds: 3_600 }, 'delete', '3600000'],
] as const)('keeps events %j', (retention, policy, kept) => {
  expect(topicSettings(retention)).toMatchObject({
    'cleanup.policy': policy,
    'retention.ms': kept,
    'retention.bytes': '-1',
  });
});
