/** `npm run scaling:replay -- CURVE.csv`: what the operator would make of a curve of reads, in numbers and as a chart. */
import { readFile, writeFile } from 'node:fs/promises';
import { drawChart } from './chart.ts';
import { parseCurve } from './curve.ts';
import { parseOptions, type Options } from './options.ts';
import { replay } from './replay.ts';
import { readService } from './service.ts';
import { summarize, summaryLines } from './summary.ts';

const refusedCode = 2;

const parsed = parseOptions(process.argv.slice(2));
if (parsed.ok) {
  process.exitCode = await run(parsed.options);
} else {
  (parsed.exitCode === 0 ? process.stdout : process.stderr).write(parsed.message);
  process.exitCode = parsed.exitCode;
}

async function run({ curveFile, serviceFile, outFile, ...options }: Options): Promise<number> {
  try {
    const curve = parseCurve(await readFile(curveFile, 'utf8'));
    if (!curve.ok) return refuse(curve.problems.map((problem) => `${curveFile}, ${problem}`));
    const yaml = serviceFile === undefined ? undefined : await readFile(serviceFile, 'utf8');
    const read = readService(yaml, options.autoscaling);
    if (!read.ok) return refuse([`${serviceFile ?? 'flags'}: ${read.problem}`]);

    const { autoscaling } = read.service.spec.query;
    const frames = replay(curve.curve, { ...options, service: read.service });
    if (outFile !== undefined) {
      await writeFile(outFile, drawChart(curve.curve, frames, autoscaling.readsPerSecond));
    }
    const summary = summarize(curve.curve, frames, autoscaling);
    process.stdout.write(`${summaryLines(summary).join('\n')}\n`);
    return 0;
  } catch (error) {
    // What the file system says names the file; anything else is a fault of this tool.
    if (error instanceof Error && 'syscall' in error) return refuse([error.message]);
    throw error;
  }
}

function refuse(problems: readonly string[]): number {
  process.stderr.write(`${problems.join('\n')}\n`);
  return refusedCode;
}
