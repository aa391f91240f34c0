import { describe, expect, it } from 'vitest';
import {
  brokenConstraint,
  mayBeOneRow,
  readFailure,
  storeFailure,
  WriteStoreError,
} from './store-failure.ts';

const failure = (code: string, more: object = {}) =>
  Object.assign(new Error('it failed'), { code, ...more });

describe('storeFailure', () => {
  const connecting = ['ECONNREFUSED', 'ENOTFOUND', 'CONNECT_TIMEOUT', '28P01', '53300', '57P03'];
  const rolledBack = ['25006', '40001', '40P01', '55P03', '57014'];
  const cutOff = ['CONNECTION_CLOSED', 'CONNECTION_DESTROYED', 'ECONNRESET', 'EPIPE', '57P01'];

  it.each(connecting.concat(rolledBack))('%s: nothing was applied', (code) => {
    expect(storeFailure(failure(code))).toMatchObject({ outcome: 'not-applied' });
  });
  it.each(cutOff)('%s: nobody knows', (code) => {
    const error = failure(code);
    const wrapped = storeFailure(error);
    expect(wrapped).toBeInstanceOf(WriteStoreError);
    expect(wrapped).toMatchObject({ outcome: 'unknown', cause: error });
  });
  it('a full disk rolls a statement back, unless the server goes down over it', () => {
    expect(storeFailure(failure('53100', { severity: 'ERROR' }))).toMatchObject({
      outcome: 'not-applied',
    });
    expect(storeFailure(failure('53100', { severity: 'PANIC' }))).toMatchObject({
      outcome: 'unknown',
    });
  });
  it.each(['23505', '42601', ''])('%s is a fault of ours and stays what it is', (code) => {
    const error = failure(code);
    expect(storeFailure(error)).toBe(error);
  });
});

it('names a broken constraint that was named, and nothing else', () => {
  expect(brokenConstraint(failure('23514', { constraint_name: 'fits' }))).toBe('fits');
  expect(brokenConstraint(failure('23505', { constraint_name: 'key' }))).toBe('key');
  expect(brokenConstraint(failure('23502', { constraint_name: 'x' }))).toBeUndefined();
  expect(brokenConstraint(null)).toBeUndefined();
});

const mayBe = (code: string) => mayBeOneRow(storeFailure(failure(code)));

it('knows which failures one row of a statement can be the reason of', () => {
  expect(
    ['23514', '23505', '21000', '22P05', '40P01', '55P03', '57014'].filter(mayBe),
  ).toHaveLength(7);
  expect(['ECONNREFUSED', '53100', '57P01', 'ECONNRESET', '25006', ''].filter(mayBe)).toEqual([]);
});

it('says of a lost read that nothing was changed', () => {
  expect(readFailure(storeFailure(failure('ECONNRESET')))).toMatchObject({
    outcome: 'not-applied',
  });
  const other = failure('42601');
  expect(readFailure(other)).toBe(other);
});
