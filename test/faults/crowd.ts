import { readToken, tokenKeys, type TokenEntry } from '@cqrs/contract/consistency-token.ts';
import { startClients } from './clients.ts';
import type { Ledger } from './ledger.ts';
import type { PlayedFault } from './play.ts';
import { reasonsLine, repeatsLine, streamsLine, tokenReadsLine } from './report.ts';
import type { SettlingClients } from './settle.ts';
import type { Sightings } from './sightings.ts';
import { startStreams } from './streams.ts';
import { startTokenReaders } from './token-readers.ts';
import type { World } from './world.ts';

/** Faults of a Redis that may lose what it had answered: it writes its file every second, and may be behind with that. */
const lossyKinds: readonly PlayedFault['kind'][] = ['kill', 'roll-back', 'fill'];
/** What a stream told may have been on its way for so long. */
const deliveryMsMax = 20_000;

/** Everybody who uses the services during a run. */
export type Crowd = SettlingClients & {
  /** No further command, and no further read of what was written. */
  readonly stopWriting: () => Promise<void>;
  readonly leave: () => Promise<void>;
  /** What they met. */
  readonly lines: () => readonly string[];
};

export function startCrowd(
  world: World,
  seed: number,
  run: {
    readonly ledger: Ledger;
    readonly sightings: Sightings;
    readonly faults: () => readonly PlayedFault[];
  },
): Crowd {
  const { ledger, sightings, faults } = run;
  const tokenReaders = startTokenReaders({
    seed,
    sightings,
    url: (service, random) => random.pick(world.programsOf(service, 'query')).http(),
  });
  const streams = startStreams({
    seed,
    sightings,
    url: (service) => world.programsOf(service, 'query')[0]?.http() ?? '',
    mayHaveLost: (service, shownMs) => mayHaveLost(faults(), `${service}/redis`, shownMs),
  });
  const clients = startClients({
    seed,
    ledger,
    urls: (service) => world.programsOf(service, 'command').map(({ http }) => http()),
    onAcknowledged: (command, { id, version, token }) => {
      const entries = entriesOf(world, token);
      const own = entries.find((entry) => entry.id === id && entry.version >= version);
      if (own !== undefined) return tokenReaders.offer({ command, id, token, entries });
      sightings.difference({
        what: 'The token of a command covers its write',
        key: `${command.aggregate} ${id}`,
        expected: { id, version },
        seen: entries,
      });
    },
  });
  return {
    ledger,
    sightings,
    tokenReaders,
    streams,
    stopWriting: async () => {
      await clients.stop();
      await tokenReaders.stop();
    },
    leave: streams.stop,
    lines: () => [
      ...(['refused', 'unknown'] as const).map((kind) => reasonsLine(ledger.commands(), kind)),
      repeatsLine(clients.repeats()),
      `${tokenReadsLine(tokenReaders.counts())}; ${tokenReaders.unshown().length} tokens still to be shown`,
      streamsLine(streams.counts()),
    ],
  };
}

function entriesOf({ tokenKey: text }: World, token: string): readonly TokenEntry[] {
  const keys = tokenKeys({ CQRS_TOKEN_KEY: text });
  const read = keys === null ? null : readToken(keys, token);
  return read?.ok === true ? read.entries : [];
}

/** Whether a fault since `shownMs` (of performance.now) may have made a store forget what it had shown. */
export function mayHaveLost(
  faults: readonly Pick<PlayedFault, 'target' | 'kind' | 'endedAt'>[],
  store: string,
  shownMs: number,
): boolean {
  const shownAt = performance.timeOrigin + shownMs - deliveryMsMax;
  return faults.some(
    ({ target, kind, endedAt }) =>
      target === store &&
      lossyKinds.includes(kind) &&
      (endedAt === null || Date.parse(endedAt) >= shownAt),
  );
}
