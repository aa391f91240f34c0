import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createByteRoom } from './byte-room.ts';

const limits = { bytesMax: 10, waitingMax: 2, waitMsMax: 1_000 };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('byte room', () => {
  it('is given at once while there is some, and back', async () => {
    const room = createByteRoom(limits);
    expect(await room.take(6)).toBe(true);
    expect(room.tryTake(4)).toBe(true);
    expect(room.tryTake(1)).toBe(false);
    room.giveBack(6);
    expect(room.taken()).toBe(4);
    expect(room.tryTake(6)).toBe(true);
  });

  it('is given in order: a small one does not overtake a large one for ever', async () => {
    const room = createByteRoom(limits);
    await room.take(8);
    const order: string[] = [];
    const large = room.take(9).then(() => order.push('large'));
    expect(room.tryTake(1)).toBe(false);
    const small = room.take(1).then(() => order.push('small'));
    room.giveBack(8);
    await Promise.all([large, small]);
    expect(order).toEqual(['large', 'small']);
    expect(room.taken()).toBe(10);
  });

  it('is refused to one that waits too long, and those behind it get theirs', async () => {
    const room = createByteRoom(limits);
    await room.take(8);
    const large = room.take(9);
    await vi.advanceTimersByTimeAsync(500);
    const small = room.take(2);
    await vi.advanceTimersByTimeAsync(500);
    expect(await large).toBe(false);
    expect(await small).toBe(true);
    expect(room.taken()).toBe(10);
  });

  it('is refused to more than may wait, and to what never fits', async () => {
    const room = createByteRoom(limits);
    expect(await room.take(11)).toBe(false);
    await room.take(10);
    const waiting = [room.take(1), room.take(1)];
    expect(await room.take(1)).toBe(false);
    room.giveBack(10);
    expect(await Promise.all(waiting)).toEqual([true, true]);
  });
});
