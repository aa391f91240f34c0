import { parseArgs } from 'node:util';
import type { Images } from './resources/context.ts';
import { logLevels, type LogLevel } from './telemetry/logger.ts';

const pullPolicies = ['IfNotPresent', 'Always', 'Never'] as const;
const podStatusModes = ['direct', 'apiserver-proxy'] as const;

type MetricsApiConfig = {
  /** Port 0 takes a free one. */
  readonly port: number;
  /** The Service in front of the metrics API; the serving certificate is made out to it. */
  readonly service: string;
};

/** Everything the operator can be told, read once at the start; nothing else reads flags or the environment. */
export type Config = {
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  /** Empty means every namespace. */
  readonly watchNamespaces: readonly string[];
  readonly images: Images;
  readonly opsPort: number;
  /** Undefined serves no metrics API, as on a developer's machine that the cluster cannot reach. */
  readonly metricsApi: MetricsApiConfig | undefined;
  readonly podStatus: (typeof podStatusModes)[number];
  readonly leaderElection: boolean;
  /** Of the Lease and of the metrics API; undefined takes the namespace of the context or of the pod. */
  readonly namespace: string | undefined;
  readonly leaseName: string;
  readonly identity: string;
  readonly concurrency: number;
  readonly statusRefreshMs: number;
  readonly resyncMs: number;
  readonly logLevel: LogLevel;
};

type Flag = { readonly value?: string; readonly fallback?: string; readonly help: string };

const flags = {
  context: { value: 'NAME', help: 'context of the kubeconfig to use (default: the current one)' },
  kubeconfig: { value: 'FILE', help: 'default: $KUBECONFIG, ~/.kube/config, then the pod itself' },
  'watch-namespaces': { value: 'A,B', fallback: '', help: 'only these namespaces (default: all)' },
  'services-image': {
    value: 'IMAGE',
    help: 'image of command, relay, projector, query (required)',
  },
  'postgres-image': { value: 'IMAGE', fallback: 'postgres:17', help: 'embedded write database' },
  'kafka-image': { value: 'IMAGE', fallback: 'apache/kafka:4.1.1', help: 'embedded event broker' },
  'redis-image': { value: 'IMAGE', fallback: 'redis:8', help: 'embedded read store' },
  'image-pull-policy': {
    value: 'POLICY',
    fallback: 'IfNotPresent',
    help: `one of ${pullPolicies.join(', ')}`,
  },
  'image-pull-secrets': {
    value: 'A,B',
    fallback: '',
    help: 'Secrets to pull these images with, in the namespace of each CqrsService',
  },
  'ops-port': {
    value: 'PORT',
    fallback: '9090',
    help: '/livez, /readyz, /metrics; 0 = a free one',
  },
  'metrics-api-port': {
    value: 'PORT',
    help: 'serve the metrics API for the HPA here (default: not served)',
  },
  'metrics-api-service': {
    value: 'NAME',
    fallback: 'cqrs-operator',
    help: 'Service in front of the metrics API, in the namespace of the operator',
  },
  'pod-status': {
    value: 'WAY',
    help: `how pods are asked for lag and reads, ${podStatusModes.join(' or ')} (default: direct in a pod)`,
  },
  namespace: {
    value: 'NAME',
    help: 'of the Lease and of the metrics API (default: $POD_NAMESPACE, then that of the context)',
  },
  'leader-elect': { help: 'of several replicas only the holder of a Lease works' },
  'lease-name': { value: 'NAME', fallback: 'cqrs-operator', help: 'name of that Lease' },
  identity: {
    value: 'NAME',
    help: 'holder of the Lease (default: $POD_NAME, then host and process)',
  },
  concurrency: { value: 'COUNT', fallback: '8', help: 'CqrsServices reconciled at the same time' },
  'status-refresh-seconds': {
    value: 'SECONDS',
    fallback: '5',
    help: 'how often lag and reads per second are read',
  },
  'resync-seconds': {
    value: 'SECONDS',
    fallback: '36000',
    help: 'how often everything is reconciled without a cause',
  },
  'log-level': { value: 'LEVEL', fallback: 'info', help: `one of ${logLevels.join(', ')}` },
  help: { help: 'print this' },
} as const satisfies Record<string, Flag>;

type FlagName = keyof typeof flags;

export type ConfigOutcome =
  | { readonly outcome: 'run'; readonly config: Config }
  | { readonly outcome: 'help'; readonly usage: string }
  | { readonly outcome: 'invalid'; readonly problem: string; readonly usage: string };

// Settings are flags only: Kubernetes injects `CQRS_OPERATOR_…` variables into a pod for every Service of that
// name, so settings of that shape would be overwritten by strangers. The first two come from the downward API.
type Env = {
  readonly POD_NAME?: string | undefined;
  readonly POD_NAMESPACE?: string | undefined;
  readonly KUBERNETES_SERVICE_HOST?: string | undefined;
};

/** Reads flags (`--name value` or `--name=value`); `processName` is the identity when no pod name is known. */
export function parseConfig(args: readonly string[], env: Env, processName: string): ConfigOutcome {
  try {
    const given = readFlags(args);
    if (given.has('help')) return { outcome: 'help', usage };
    return { outcome: 'run', config: Object.freeze(buildConfig(given, env, processName)) };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return { outcome: 'invalid', problem, usage };
  }
}

type Given = ReadonlyMap<FlagName, string>;

function readFlags(args: readonly string[]): Given {
  const entries: [string, Flag][] = Object.entries(flags);
  const { values } = parseArgs({
    args: [...args],
    allowPositionals: false,
    strict: true,
    options: Object.fromEntries(
      entries.map(([name, flag]) => [name, { type: flag.value ? 'string' : 'boolean' }] as const),
    ),
  });
  const given = new Map<FlagName, string>();
  for (const name of Object.keys(flags) as FlagName[]) {
    const flag: Flag = flags[name];
    const value = values[name] ?? flag.fallback;
    if (value !== undefined) given.set(name, String(value));
  }
  return given;
}

function buildConfig(given: Given, env: Env, processName: string): Config {
  const inPod = env.KUBERNETES_SERVICE_HOST !== undefined;
  return {
    kubeconfig: given.get('kubeconfig'),
    context: given.get('context'),
    watchNamespaces: names(given, 'watch-namespaces'),
    images: {
      services: required(given, 'services-image'),
      postgres: required(given, 'postgres-image'),
      kafka: required(given, 'kafka-image'),
      redis: required(given, 'redis-image'),
      pullPolicy: oneOf(given, 'image-pull-policy', pullPolicies),
      pullSecrets: names(given, 'image-pull-secrets'),
    },
    opsPort: whole(given, 'ops-port', portBounds),
    metricsApi: metricsApi(given),
    podStatus: given.has('pod-status')
      ? oneOf(given, 'pod-status', podStatusModes)
      : podStatusModes[inPod ? 0 : 1],
    namespace: given.get('namespace') ?? env.POD_NAMESPACE,
    leaderElection: given.has('leader-elect'),
    leaseName: required(given, 'lease-name'),
    identity: given.get('identity') ?? env.POD_NAME ?? processName,
    concurrency: whole(given, 'concurrency', { min: 1, max: 256 }),
    statusRefreshMs: 1000 * whole(given, 'status-refresh-seconds', { min: 1, max: 3600 }),
    resyncMs: 1000 * whole(given, 'resync-seconds', { min: 1, max: 604_800 }),
    logLevel: oneOf(given, 'log-level', logLevels),
  };
}

const portBounds = { min: 0, max: 65_535 };

function metricsApi(given: Given): MetricsApiConfig | undefined {
  if (!given.has('metrics-api-port')) return undefined;
  return {
    port: whole(given, 'metrics-api-port', portBounds),
    service: required(given, 'metrics-api-service'),
  };
}

function names(given: Given, flag: FlagName): readonly string[] {
  return (given.get(flag) ?? '').split(',').filter((name) => name !== '');
}

function required(given: Given, name: FlagName): string {
  const value = given.get(name);
  if (value === undefined || value === '') throw new Error(`--${name} needs a value`);
  return value;
}

function oneOf<T extends string>(given: Given, name: FlagName, choices: readonly T[]): T {
  const value = required(given, name);
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) {
    throw new Error(`--${name} is "${value}"; give one of ${choices.join(', ')}`);
  }
  return choice;
}

function whole(given: Given, name: FlagName, bounds: { min: number; max: number }): number {
  const value = required(given, name);
  const number = Number(value);
  if (!Number.isInteger(number) || number < bounds.min || number > bounds.max) {
    throw new Error(
      `--${name} is "${value}"; give a whole number from ${bounds.min} to ${bounds.max}`,
    );
  }
  return number;
}

const usage = [
  'Usage: node operator/src/main.ts --services-image IMAGE [flags]',
  '',
  ...Object.entries(flags as Record<string, Flag>).map(([name, { value, fallback, help }]) => {
    const shown = value === undefined ? `--${name}` : `--${name} ${value}`;
    const byDefault = fallback === undefined || fallback === '' ? '' : ` (default: ${fallback})`;
    return `  ${shown.padEnd(34)}${help}${byDefault}`;
  }),
  '',
].join('\n');
