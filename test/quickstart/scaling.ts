import type { Kubectl } from './kubectl.ts';

/** What a person watching `kubectl get hpa -w` sees, plus the Deployments behind it. */
export type ScalingSample = {
  readonly atMs: number;
  /** Reads per second and replica, as the HPA last read it; null before its first reading. */
  readonly perReplica: number | null;
  readonly target: number;
  readonly desired: number;
  readonly ready: number;
  readonly commandReplicas: number;
};

type Quantity = string | undefined;
type HpaList = { readonly items: readonly HpaItem[] };
type HpaItem = {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly replicas?: number;
    readonly metrics?: readonly {
      readonly object?: { readonly target: { readonly averageValue?: Quantity } };
    }[];
  };
  readonly status?: {
    readonly desiredReplicas?: number;
    readonly readyReplicas?: number;
    readonly currentMetrics?:
      | readonly {
          readonly object?: { readonly current: { readonly averageValue?: Quantity } };
        }[]
      | null;
  };
};

/** A Kubernetes quantity as the HPA writes it: plain, milli (`812500m`) or thousands (`2k`). */
export function quantity(text: Quantity): number | null {
  if (text === undefined) return null;
  const found = /^(\d+(?:\.\d+)?)([mk]?)$/u.exec(text);
  if (found === null) return null;
  const scale = { m: 0.001, k: 1000, '': 1 }[found[2] ?? ''] ?? 1;
  return Number(found[1]) * scale;
}

/** One reading of the HPA and the two Deployments of a service. */
export async function sampleScaling(
  kubectl: Kubectl,
  namespace: string,
  service: string,
  atMs: number,
): Promise<ScalingSample> {
  const list = await kubectl.json<HpaList>([
    'get',
    `hpa/${service}-query`,
    `deployment/${service}-query`,
    `deployment/${service}-command`,
    '-n',
    namespace,
  ]);
  const find = (kind: string, name: string): HpaItem | undefined =>
    list.items.find((item) => item.kind === kind && item.metadata.name === name);
  const hpa = find('HorizontalPodAutoscaler', `${service}-query`);
  return {
    atMs,
    perReplica: perReplica(hpa),
    target: target(hpa),
    desired: hpa?.status?.desiredReplicas ?? 0,
    ready: find('Deployment', `${service}-query`)?.status?.readyReplicas ?? 0,
    commandReplicas: find('Deployment', `${service}-command`)?.spec.replicas ?? 0,
  };
}

function perReplica(hpa: HpaItem | undefined): number | null {
  return quantity(hpa?.status?.currentMetrics?.[0]?.object?.current.averageValue);
}

function target(hpa: HpaItem | undefined): number {
  return quantity(hpa?.spec.metrics?.[0]?.object?.target.averageValue) ?? 0;
}

/** `12 s  reads/s 1004 (p99 3.1 ms)  hpa 812/200 (avg)  replicas ●●●○○ 3/5` */
export function scalingLine(
  sample: ScalingSample,
  load: { readonly served: number; readonly p99Ms: number } | null,
): string {
  const dots = `${'●'.repeat(sample.ready)}${'○'.repeat(Math.max(0, sample.desired - sample.ready))}`;
  const reads = load === null ? 'no load' : `reads/s ${load.served} (p99 ${load.p99Ms} ms)`;
  const metric = sample.perReplica === null ? '<unknown>' : String(Math.round(sample.perReplica));
  const at = `${Math.round(sample.atMs / 1000)} s`.padStart(5);
  return `${at}  ${reads}  hpa ${metric}/${sample.target} (avg)  replicas ${dots} ${sample.ready}/${sample.desired}`;
}

/** Replicas over time, one column a sample, as lines of text for a terminal. Pure. */
export function replicaChart(samples: readonly ScalingSample[], columnsMax = 72): string[] {
  if (samples.length === 0) return [];
  const step = Math.max(1, Math.ceil(samples.length / columnsMax));
  const columns: ScalingSample[] = [];
  for (let at = 0; at < samples.length; at += step) {
    const slice = samples.slice(at, at + step);
    columns.push(slice.reduce((most, sample) => (sample.ready > most.ready ? sample : most)));
  }
  const top = Math.max(1, ...columns.map((sample) => sample.ready));
  const lines: string[] = [];
  for (let level = top; level >= 1; level -= 1) {
    const row = columns.map((sample) => (sample.ready >= level ? '█' : ' ')).join('');
    lines.push(`${String(level).padStart(4)} ┤${row}`);
  }
  const endSeconds = Math.round((columns.at(-1)?.atMs ?? 0) / 1000);
  lines.push(`     └${'─'.repeat(columns.length)} ${endSeconds} s`);
  return lines;
}
