import { describe, expect, it } from 'vitest';
import { decideSlot, needsPerson, type SlotFacts } from './slot-decision.ts';

const slot = {
  plugin: 'pgoutput',
  database: 'cqrs',
  active: false,
  lost: false,
  synced: false,
  confirmed: 100n,
};
const record = {
  systemIdentifier: '7',
  timeline: 1,
  gated: true,
  publicationEntry: 500,
  lsn: 100n,
  published: new Map(),
  topicIds: new Map(),
};
const facts: SlotFacts = {
  service: { namespace: 'shop', name: 'orders' },
  name: 'cqrs_shop_orders',
  database: 'cqrs',
  systemIdentifier: '7',
  timeline: 1,
  publicationEntry: 500,
  slot,
  record,
};
const command =
  'kubectl exec --namespace shop deploy/orders-relay -- node services/relay/src/republish.ts';

describe('decideSlot', () => {
  it.each<[string, Partial<SlotFacts>, ReturnType<typeof decideSlot>]>([
    ['a first start', { slot: null, record: null }, { action: 'begin', dropFirst: false }],
    ['a first start that did not finish', { record: null }, { action: 'begin', dropFirst: true }],
    [
      'a lost slot',
      { slot: { ...slot, lost: true }, record: null },
      { action: 'begin', dropFirst: true },
    ],
    ['the slot where the record is', {}, { action: 'resume', from: 100n }],
    [
      'a slot that went back in a crash',
      { slot: { ...slot, confirmed: 90n } },
      { action: 'resume', from: 100n },
    ],
    ['a promoted standby', { timeline: 2 }, { action: 'resume', from: 100n }],
    [
      'a promoted standby whose copy of the slot is newer than that of the record',
      { timeline: 2, slot: { ...slot, synced: true, confirmed: 130n } },
      { action: 'resume', from: 130n },
    ],
    [
      'a record of a relay that knew neither timelines nor publications',
      { timeline: 2, record: { ...record, timeline: null, gated: null, publicationEntry: null } },
      { action: 'resume', from: 100n },
    ],
  ])('%s', (_, change, decision) => {
    expect(decideSlot({ ...facts, ...change })).toEqual(decision);
  });

  it.each<[string, Partial<SlotFacts>, string, string]>([
    [
      'no publication yet',
      { publicationEntry: null, record: null },
      'CQRS_REPLICATION_FAILED',
      'write side',
    ],
    ['another relay', { slot: { ...slot, active: true } }, 'CQRS_SLOT_BUSY', 'stands by'],
  ])('%s is waited for', (_, change, code, says) => {
    expect(() => decideSlot({ ...facts, ...change })).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(says) }),
    );
  });

  it.each<[string, Partial<SlotFacts>, string, string]>([
    ['another plugin', { slot: { ...slot, plugin: 'wal2json' } }, 'CQRS_SLOT_AHEAD', 'wal2json'],
    ['another database', { slot: { ...slot, database: 'x' } }, 'CQRS_SLOT_AHEAD', 'pg_drop'],
    ['another Postgres', { systemIdentifier: '8' }, 'CQRS_SLOT_AHEAD', 'another Postgres'],
    ['no slot', { slot: null }, 'CQRS_SLOT_LOST', 'does not exist'],
    ['a dead slot', { slot: { ...slot, lost: true } }, 'CQRS_SLOT_LOST', 'lost WAL'],
    ['a slot ahead', { slot: { ...slot, confirmed: 101n } }, 'CQRS_SLOT_AHEAD', '0/65, ahead'],
    [
      'a slot ahead on a former standby that was promoted long ago',
      { slot: { ...slot, synced: true, confirmed: 101n } },
      'CQRS_SLOT_AHEAD',
      '0/65, ahead',
    ],
    [
      'a slot ahead that somebody made after a promotion',
      { timeline: 2, slot: { ...slot, confirmed: 101n } },
      'CQRS_SLOT_AHEAD',
      '0/65, ahead',
    ],
    [
      'a promotion that the relay was not held back for',
      { timeline: 2, record: { ...record, gated: false } },
      'CQRS_TIMELINE_CHANGED',
      'synchronized_standby_slots',
    ],
    ['a dropped publication', { publicationEntry: null }, 'CQRS_PUBLICATION_LOST', 'create publ'],
    ['a publication made again', { publicationEntry: 501 }, 'CQRS_PUBLICATION_LOST', 'made again'],
  ])('%s is refused, with the command that helps', (_, change, code, says) => {
    expect(() => decideSlot({ ...facts, ...change })).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(says) }),
    );
    expect(() => decideSlot({ ...facts, ...change })).toThrow(command);
    expect(needsPerson(code as Parameters<typeof needsPerson>[0])).toBe(true);
  });
});
