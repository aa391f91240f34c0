import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { arrivals } from './arrivals.ts';

const running = new AbortController().signal;

async function collect(stream: Readable, bytesMax: number, stop = running): Promise<string[]> {
  const chunks: string[] = [];
  for await (const group of arrivals(stream, bytesMax, stop)) chunks.push(...group.map(String));
  return chunks;
}

describe('arrivals', () => {
  it('keeps the borders of chunks, also of those that came while the reader was busy', async () => {
    const stream = new Readable({ read: () => undefined });
    for (const chunk of ['a', 'bc', 'd']) stream.push(chunk);
    const collected = collect(stream, 2);
    for (const chunk of ['ef', 'g', 'hij']) stream.push(chunk);
    stream.push(null);
    await expect(collected).resolves.toEqual(['a', 'bc', 'd', 'ef', 'g', 'hij']);
  });

  it('does not read ahead further than told', async () => {
    let made = 0;
    const stream = new Readable({
      highWaterMark: 10,
      read() {
        made += 1;
        this.push(made > 100 ? null : Buffer.alloc(10));
      },
    });
    const groups = arrivals(stream, 50, running);
    await groups.next();
    await new Promise((resolve) => setImmediate(resolve));
    expect(made).toBeLessThan(15);
    let rest = 0;
    for await (const group of groups) rest += group.length;
    expect(rest).toBeGreaterThan(80);
  });

  it('throws what the stream throws, after what came before', async () => {
    const stream = new Readable({ read: () => undefined });
    const groups = arrivals(stream, 100, running);
    const first = groups.next();
    stream.push('a');
    await first;
    stream.destroy(new Error('cut'));
    await expect(groups.next()).rejects.toThrow('cut');
  });

  it('throws what befell the stream before anybody listened', async () => {
    const stream = new Readable({ read: () => undefined });
    stream.on('error', () => undefined).destroy(new Error('cut at once'));
    await new Promise((resolve) => setImmediate(resolve));
    await expect(collect(stream, 100)).rejects.toThrow('cut at once');
  });

  it('stops when told and leaves the stream open', async () => {
    const stream = new Readable({ read: () => undefined });
    const stop = new AbortController();
    const collected = collect(stream, 100, stop.signal);
    stop.abort();
    await expect(collected).resolves.toEqual([]);
    expect(stream.destroyed).toBe(false);
  });
});
