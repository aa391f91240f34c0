import { describe, expect, it } from 'vitest';
import type { ServiceStatus } from '@cqrs/contract/ops-status.ts';
import { parseServiceStatus } from './service-status.ts';

const statuses: readonly ServiceStatus[] = [
  { program: 'command', error: null },
  {
    program: 'relay',
    streaming: true,
    error: null,
    errorCode: null,
    lagBytes: 0,
    eventsPublished: 3,
  },
  { program: 'projector', error: 'halted', errorCode: 'CQRS_VERSION_GAP', views: [] },
  {
    program: 'query',
    bootId: 'b',
    readsServed: 1,
    readsRefused: 2,
    readsQueued: 3,
    error: null,
  },
];

describe('a status', () => {
  it.each(statuses)('of $program is taken as it is', (status) => {
    expect(parseServiceStatus(status)).toBe(status);
  });

  it.each(statuses)('of $program that lacks a field names the field', (status) => {
    for (const field of Object.keys(status).filter((name) => name !== 'program')) {
      const { [field]: _, ...rest } = status as Readonly<Record<string, unknown>>;
      expect(() => parseServiceStatus(rest)).toThrow(`its ${field} is not a`);
    }
  });

  it.each([
    [null, 'it is not a JSON object'],
    ['query', 'it is not a JSON object'],
    [{}, 'its program is undefined'],
    [{ program: 'toString' }, 'its program is "toString"'],
    [{ ...statuses[3], readsServed: -1 }, 'its readsServed is not a count'],
    [{ ...statuses[3], readsServed: '7' }, 'its readsServed is not a count'],
    [{ ...statuses[3], bootId: '' }, 'its bootId is not a string'],
  ])('%j is refused: %s', (value, why) => {
    expect(() => parseServiceStatus(value)).toThrow(why);
  });
});
