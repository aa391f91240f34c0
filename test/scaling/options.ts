import { parseArgs } from 'node:util';
import type { Settings } from './replay.ts';

/** `spec.query.autoscaling` of a CqrsService, as far as flags say it. */
export type Autoscaling = {
  readonly readsPerSecond?: number;
  readonly minReplicas?: number;
  readonly maxReplicas?: number;
  readonly scaleDownSeconds?: number;
};

export type Options = Omit<Settings, 'service'> & {
  readonly curveFile: string;
  readonly outFile: string | undefined;
  readonly serviceFile: string | undefined;
  readonly autoscaling: Autoscaling;
};

const usage = `npm run scaling:replay -- CURVE.csv [--out FILE.svg] [--service FILE.yaml] [--target N] ...

Plays a curve of reads through the operator's own decisions (how pods are polled, rates, the floor), a model of
Kubernetes' HPA and pods that take a while to start, and tells what came of it. Time is played: an hour takes seconds.
CURVE.csv has the header "seconds,reads_per_second"; a rate holds until the next row, and the last row ends the curve.

  --out FILE.svg             draws reads, what the ready pods are for, and pods over time
  --service FILE.yaml        takes spec.query.autoscaling from this CqrsService; the flags below win over it
  --target N                 reads per second that one pod is for (readsPerSecond)
  --min N, --max N           pods at least and at most (minReplicas, maxReplicas)
  --scale-down-seconds N     how long reads must be fewer before pods are removed (scaleDownSeconds)
  --ready-seconds N          from asking for a pod until it is Ready (default 2)
  --noise none|poisson       reads come evenly (default), or by chance
  --clump-reads N            with poisson: so many reads come at one moment to one pod (default 1)
  --seed N                   decides what chance brings (default 1); the same seed gives the same answer
  --floor-seen at-once|next-look
                             when the HPA acts on a floor that changed: at once (default), as Kubernetes does with the
                             feature gate HPAGeneration (1.37), or at its next look, as it does without
`;

export type Parsed =
  | { readonly ok: true; readonly options: Options }
  | { readonly ok: false; readonly exitCode: 0 | 2; readonly message: string };

type Range = { readonly min: number; readonly max: number; readonly isWhole: boolean };

const whole = (min: number, max: number): Range => ({ min, max, isWhole: true });
/** What a number may be; the first four as the CRD has them. */
const ranges = {
  target: whole(1, 1_000_000),
  min: whole(1, 1000),
  max: whole(1, 1000),
  'scale-down-seconds': whole(0, 3600),
  'ready-seconds': { min: 0, max: 600, isWhole: false },
  'clump-reads': whole(1, 100_000),
  seed: whole(0, 2 ** 32 - 1),
} as const satisfies Record<string, Range>;

const choices = { noise: ['none', 'poisson'], 'floor-seen': ['at-once', 'next-look'] } as const;

class Refused extends Error {}

export function parseOptions(args: readonly string[]): Parsed {
  try {
    return parsed(args);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { ok: false, exitCode: 2, message: `${why}\n\n${usage}` };
  }
}

function parsed(args: readonly string[]): Parsed {
  const text = { type: 'string' } as const;
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      out: text,
      service: text,
      target: text,
      min: text,
      max: text,
      'scale-down-seconds': text,
      'ready-seconds': { type: 'string', default: '2' },
      noise: { type: 'string', default: 'none' },
      'clump-reads': { type: 'string', default: '1' },
      seed: { type: 'string', default: '1' },
      'floor-seen': { type: 'string', default: 'at-once' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return { ok: false, exitCode: 0, message: usage };
  const [curveFile, ...more] = positionals;
  if (curveFile === undefined) throw new Refused('Name the CSV file of a curve.');
  if (more.length > 0) throw new Refused(`One curve at a time: leave out ${more.join(', ')}.`);
  const written = {
    readsPerSecond: numberOf('target', values.target),
    minReplicas: numberOf('min', values.min),
    maxReplicas: numberOf('max', values.max),
    scaleDownSeconds: numberOf('scale-down-seconds', values['scale-down-seconds']),
  };
  const autoscaling = Object.fromEntries(
    Object.entries(written).filter(([, value]) => value !== undefined),
  ) as Autoscaling;
  const readySeconds = numberOf('ready-seconds', values['ready-seconds']) ?? 0;
  const options: Options = {
    curveFile,
    outFile: values.out,
    serviceFile: values.service,
    autoscaling,
    startMs: Math.round(readySeconds * 1000),
    noise: choiceOf('noise', values.noise),
    clumpReads: numberOf('clump-reads', values['clump-reads']) ?? 1,
    seed: numberOf('seed', values.seed) ?? 1,
    floorSeen: choiceOf('floor-seen', values['floor-seen']),
  };
  return { ok: true, options };
}

function numberOf(flag: keyof typeof ranges, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const { min, max, isWhole } = ranges[flag];
  const number = value.trim() === '' ? Number.NaN : Number(value);
  if (number >= min && number <= max && (!isWhole || Number.isInteger(number))) return number;
  const kind = isWhole ? 'whole number' : 'number';
  throw new Refused(`--${flag} is "${value}"; give a ${kind} from ${min} to ${max}.`);
}

function choiceOf<F extends keyof typeof choices>(
  flag: F,
  value: string,
): (typeof choices)[F][number] {
  const chosen = choices[flag].find((choice) => choice === value);
  if (chosen === undefined) {
    throw new Refused(`--${flag} is "${value}"; give ${choices[flag].join(' or ')}.`);
  }
  return chosen;
}
