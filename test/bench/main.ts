/**
 * `npm run bench -- NAME [--json] [--services N]`: measures one thing on real parts and prints it as a table, or with
 * `--json` as one object. Notes of what is going on go to stderr.
 */
import { parseArgs } from 'node:util';
import { benchCommands } from './commands.ts';
import { asJson, asTable, type Measured } from './figures.ts';
import { benchReconcile } from './reconcile.ts';

export type BenchOptions = {
  readonly services: number;
  /** Tells a person what is going on. */
  readonly note: (text: string) => void;
};

const benches: Readonly<Record<string, (options: BenchOptions) => Promise<Measured>>> = {
  commands: benchCommands,
  reconcile: benchReconcile,
};

const servicesByDefault = '1000';

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      services: { type: 'string', default: servicesByDefault },
    },
  });
  const bench = benches[positionals[0] ?? ''];
  const services = Number(values.services);
  if (bench === undefined || !Number.isInteger(services) || services < 1) {
    const names = Object.keys(benches).join(' | ');
    process.stderr.write(`usage: npm run bench -- ${names} [--json] [--services N]\n`);
    process.exitCode = 2;
    return;
  }
  const measured = await bench({ services, note: (text) => process.stderr.write(`${text}\n`) });
  process.stdout.write(values.json ? `${JSON.stringify(asJson(measured))}\n` : asTable(measured));
}

await main();
