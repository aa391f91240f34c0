/**
 * `npm run bench -- NAME [--json] [--services N]`: measures one thing on real parts and prints it as a table, or with
 * `--json` as one object. Notes of what is going on go to stderr.
 */
import { parseArgs } from 'node:util';
import { benchCommands } from './commands.ts';
import { asJson, asTable, type BenchOptions, type Measured } from './figures.ts';
import { benchKafkaClients } from './kafka-clients.ts';
import { benchReads } from './reads.ts';
import { benchRebuild } from './rebuild.ts';
import { benchReconcile } from './reconcile.ts';
import { benchVisible } from './visible.ts';

const benches: Readonly<Record<string, (options: BenchOptions) => Promise<Measured>>> = {
  commands: benchCommands,
  'kafka-clients': benchKafkaClients,
  reads: benchReads,
  rebuild: benchRebuild,
  reconcile: benchReconcile,
  visible: benchVisible,
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

// Ending by a signal would skip the handlers that end the children.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
await main();
