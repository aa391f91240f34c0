import type { Redis } from 'ioredis';
import type { ServiceIdentity, ViewConfig } from '@cqrs/contract/config.ts';
import { readStoreKeys } from '@cqrs/runtime/read-store/keys.ts';
import { viewTag } from '@cqrs/runtime/read-store/view-tag.ts';
import { anyChange, lookupSources, readChange, type Change } from './change-message.ts';

/** A peer that vanished without closing is noticed by a question that it does not answer. */
const pingPeriodMs = 1_000;

type Listener = (change: Change) => void;

export type Changes = {
  /** Tells the listener of every change of the view (by its name) from now on; returns what ends that. */
  readonly subscribe: (view: string, listener: Listener) => () => void;
  readonly close: () => void;
};

/**
 * The one subscription of the process to what the projector changes, on a connection of its own. It listens from the
 * start, so whoever subscribes and then reads misses nothing. When the connection goes, messages may be missed from
 * then on, and when it is back, they may have been until then: both are told as `anyChange`.
 */
export function createChanges(
  redis: Redis,
  service: ServiceIdentity,
  views: readonly ViewConfig[],
): Changes {
  const watched = views.map((view) => ({
    name: view.name,
    channel: readStoreKeys(viewTag(service, view)).changes,
    lookups: lookupSources(view.sources),
    listeners: new Set<Listener>(),
  }));
  const byChannel = new Map(watched.map((view) => [view.channel, view]));

  const tellAll = (): void => {
    for (const { listeners } of watched) for (const listener of listeners) listener(anyChange);
  };
  const listen = async (): Promise<void> => {
    if (watched.length === 0) return;
    try {
      await redis.ssubscribe(...byChannel.keys());
      tellAll();
    } catch {
      // Why it failed, the connection's own events tell; a new one begins again.
      redis.disconnect(true);
    }
  };
  const ping = (): void => {
    if (redis.status === 'ready') redis.ping().catch(() => redis.disconnect(true));
  };

  redis.on('smessage', (channel: string, message: string) => {
    const view = byChannel.get(channel);
    if (view === undefined || view.listeners.size === 0) return;
    const change = readChange(message, view.lookups);
    for (const listener of view.listeners) listener(change);
  });
  redis.on('ready', () => void listen());
  redis.on('close', tellAll);
  if (redis.status === 'ready') void listen();
  const pinging = setInterval(ping, pingPeriodMs);

  return {
    subscribe: (name, listener) => {
      const listeners = watched.find((view) => view.name === name)?.listeners;
      listeners?.add(listener);
      return () => void listeners?.delete(listener);
    },
    close: () => {
      clearInterval(pinging);
      redis.disconnect();
    },
  };
}
