import type { Config } from './config.ts';
import { createClient, type ClientOptions } from './kube/client.ts';
import { createLeaderElector } from './kube/leader-election.ts';
import type { KubeMetrics } from './kube/metrics.ts';
import type { Logger } from './telemetry/logger.ts';

/** Which replica writes. Without --leader-elect every one does, so there must be only one. */
export type Leadership = {
  /** Looks at the clock, so it is true only while no other replica can hold the Lease. */
  isLeader(): boolean;
  /** Resolves when this replica leads. */
  start(): Promise<void>;
  stop(): Promise<void>;
};

export type LeadershipOptions = Pick<ClientOptions, 'kubeConfig' | 'userAgent'> & {
  readonly config: Pick<Config, 'leaderElection' | 'leaseName' | 'identity'>;
  readonly namespace: string;
  readonly metrics: KubeMetrics;
  readonly logger: Logger;
};

export function createLeadership({ config, ...options }: LeadershipOptions): Leadership {
  const { leaderElection, leaseName: name, identity } = config;
  if (!leaderElection) return { isLeader: () => true, start: nothing, stop: nothing };
  // On connections of its own: a renewal never waits behind a burst of other requests.
  const client = createClient(options);
  const elector = createLeaderElector({
    ...options,
    client,
    name,
    identity,
    onLost(err) {
      // Another replica may act already: nothing is written any more, not even an orderly farewell.
      options.logger.error({ err }, 'Lost the lease');
      process.exit(1);
    },
  });
  return {
    isLeader: () => elector.isLeader(),
    async start() {
      elector.start();
      await elector.acquired;
    },
    async stop() {
      await elector.stop();
      await client.close();
    },
  };
}

async function nothing(): Promise<void> {}
