import { describe, expect, it } from 'vitest';
import { liveness, readiness } from './health.ts';

const nowMs = 10_000_000;
const heardAgo = (seconds: number, synced = true): Parameters<typeof readiness>[0][number] => ({
  resource: 'deployments',
  synced,
  lastContactAtMs: nowMs - seconds * 1000,
  trouble: undefined,
});

const pass = (seconds: number) => ({ key: 'shop/orders', ageMs: seconds * 1000 });

const notAsked = { ...heardAgo(0, false), lastContactAtMs: 0 };

describe('health', () => {
  it.each([
    { name: 'a fresh cache', cache: heardAgo(1), ready: true, live: true },
    { name: 'a cache not listed yet', cache: heardAgo(1, false), ready: false, live: true },
    { name: 'a cache not asked for yet', cache: notAsked, ready: false, live: true },
    { name: 'a quiet watch between bookmarks', cache: heardAgo(100), ready: true, live: true },
    { name: 'a watch that went silent', cache: heardAgo(200), ready: false, live: true },
    { name: 'a watch silent for long', cache: heardAgo(1000), ready: false, live: false },
  ])('$name: ready $ready, live $live', ({ cache, ready, live }) => {
    expect(readiness([heardAgo(0), cache], nowMs, true).ok).toBe(ready);
    expect(liveness([heardAgo(0), cache], nowMs, undefined).ok).toBe(live);
  });

  it('names the kind and the seconds', () => {
    expect(readiness([heardAgo(200)], nowMs, undefined).problems).toEqual([
      'deployments: nothing heard for 200 s',
    ]);
  });

  it('says why a cache is not there', () => {
    const trouble = 'GET /apis/apps/v1/deployments: 403 forbidden';
    expect(readiness([{ ...heardAgo(0, false), trouble }], nowMs, undefined).problems).toEqual([
      `deployments: not listed yet, because ${trouble}`,
    ]);
  });

  it('is not alive with a pass that never ends', () => {
    expect(liveness([heardAgo(0)], nowMs, pass(200)).ok).toBe(true);
    expect(liveness([heardAgo(0)], nowMs, pass(400)).problems).toEqual([
      'shop/orders: its pass has not ended for 400 s',
    ]);
  });

  it('waits for the metrics API where one is wanted', () => {
    expect(readiness([heardAgo(0)], nowMs, false).problems).toEqual([
      'metrics API: no serving certificate yet',
    ]);
    expect(readiness([heardAgo(0)], nowMs, undefined).ok).toBe(true);
  });
});
