import { describe, expect, it } from 'vitest';
import { decideSlot, type SlotFacts } from './slot-decision.ts';

const slot = { plugin: 'pgoutput', database: 'cqrs', active: false, lost: false, confirmed: 100n };
const record = { systemIdentifier: '7', lsn: 100n };
const facts: SlotFacts = {
  name: 'cqrs_shop_orders',
  database: 'cqrs',
  systemIdentifier: '7',
  publicationExists: true,
  slot,
  record,
};

describe('decideSlot', () => {
  it.each<[string, Partial<SlotFacts>, ReturnType<typeof decideSlot>]>([
    ['a first start', { slot: null, record: null }, { action: 'begin', dropFirst: false }],
    ['a first start that did not finish', { record: null }, { action: 'begin', dropFirst: true }],
    ['the slot where the record is', {}, { action: 'resume', from: 100n }],
    [
      'a slot that went back in a crash',
      { slot: { ...slot, confirmed: 90n } },
      { action: 'resume', from: 100n },
    ],
  ])('%s', (_, change, decision) => {
    expect(decideSlot({ ...facts, ...change })).toEqual(decision);
  });

  it.each<[string, Partial<SlotFacts>, string, string]>([
    ['no publication', { publicationExists: false }, 'CQRS_REPLICATION_FAILED', 'command service'],
    ['another relay', { slot: { ...slot, active: true } }, 'CQRS_SLOT_BUSY', 'stands by'],
    ['another plugin', { slot: { ...slot, plugin: 'wal2json' } }, 'CQRS_SLOT_AHEAD', 'wal2json'],
    ['another database', { slot: { ...slot, database: 'x' } }, 'CQRS_SLOT_AHEAD', 'pg_drop'],
    ['another Postgres', { systemIdentifier: '8' }, 'CQRS_SLOT_AHEAD', 'delete from'],
    ['no slot', { slot: null }, 'CQRS_SLOT_LOST', 'delete from'],
    ['a dead slot', { slot: { ...slot, lost: true } }, 'CQRS_SLOT_LOST', 'delete from'],
    ['a slot ahead', { slot: { ...slot, confirmed: 101n } }, 'CQRS_SLOT_AHEAD', '0/65, ahead'],
  ])('%s is refused with what to do', (_, change, code, says) => {
    expect(() => decideSlot({ ...facts, ...change })).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(says) }),
    );
  });
});
