import { expect, test } from 'vitest';
import { claimedBy } from './claim-created.ts';

const fieldsV1 = { 'f:spec': { 'f:ports': { '.': {}, 'k:{"port":80}': { 'f:port': {} } } } };
const created = { manager: 'us', operation: 'Update', apiVersion: 'v1', fieldsV1 } as const;
const theirs = { manager: 'them', operation: 'Update', apiVersion: 'v1', fieldsV1 } as const;
const status = { ...created, subresource: 'status' };

test('what was created counts as applied, and what others wrote stays theirs', () => {
  expect(claimedBy('us', [created, theirs, status])).toEqual([
    { ...created, operation: 'Apply' },
    theirs,
    status,
  ]);
});

test('what was patched after an apply is added to it', () => {
  const more = { 'f:spec': { 'f:ports': { 'k:{"port":90}': { '.': {} } }, 'f:type': {} } };
  const applied = { ...created, operation: 'Apply' as const };
  expect(claimedBy('us', [applied, { ...created, fieldsV1: more }])).toEqual([
    {
      ...applied,
      fieldsV1: {
        'f:spec': {
          'f:ports': { ...fieldsV1['f:spec']['f:ports'], 'k:{"port":90}': { '.': {} } },
          'f:type': {},
        },
      },
    },
  ]);
});

test('what was applied alone needs no claim', () => {
  expect(claimedBy('us', [{ ...created, operation: 'Apply' }, theirs])).toBeUndefined();
});
