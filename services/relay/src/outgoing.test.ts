import { describe, expect, it } from 'vitest';
import type { EventRecord } from './event-record.ts';
import { createOutgoing } from './outgoing.ts';

const limits = { bufferBytesMax: 100, batchBytesMax: 50, batchRecordsMax: 3 };

function record(name: string, bytes: number): EventRecord {
  const key = Buffer.from(name);
  return { topic: 't', key, value: key, headers: {}, timestampMs: 0, bytes };
}

const names = (batch: readonly EventRecord[] | undefined) => batch?.map(({ key }) => String(key));

describe('outgoing', () => {
  it('batches by count and by bytes, in order, and lets one large record through alone', async () => {
    const outgoing = createOutgoing({ ...limits, bufferBytesMax: 10_000 });
    for (const name of 'abcd') void outgoing.push(record(name, 10));
    void outgoing.push(record('large', 500));
    void outgoing.push(record('e', 40));
    void outgoing.push(record('f', 20));
    outgoing.end();
    const batches: unknown[] = [];
    for (let next = await outgoing.take(); next !== undefined; next = await outgoing.take()) {
      batches.push(names(next));
    }
    expect(batches).toEqual([['a', 'b', 'c'], ['d'], ['large'], ['e'], ['f']]);
    expect(outgoing.bytes()).toBe(0);
  });

  it('makes the producer wait when it is full, until a batch is taken', async () => {
    const outgoing = createOutgoing(limits);
    expect(outgoing.push(record('a', 50))).toBeUndefined();
    let resumed = false;
    const waiting = outgoing.push(record('b', 50))?.then(() => (resumed = true));
    await Promise.resolve();
    expect(resumed).toBe(false);
    await outgoing.take();
    await waiting;
    expect(resumed).toBe(true);
  });

  it('hands over a record that comes while the publisher waits', async () => {
    const outgoing = createOutgoing(limits);
    const taken = outgoing.take();
    void outgoing.push(record('a', 1));
    expect(names(await taken)).toEqual(['a']);
    const ended = outgoing.take();
    outgoing.end();
    expect(await ended).toBeUndefined();
  });
});
