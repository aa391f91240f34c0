/**
 * `npm run bench -- NAME [--json] [--services N] [--repeats N]`: measures one thing on real parts and prints it as a table, or with
 * `--json` as one object. Notes of what is going on go to stderr.
 */
import { parseArgs } from 'node:util';
import { benchCommands } from './commands.ts';
import { asJson, asTable, type BenchOptions, type Measured } from './figures.ts';
import { benchKafkaClients } from './kafka-clients.ts';
import { benchReads } from './reads.ts';
import { benchRebuild } from './rebuild.ts';
import { benchReconcile } from './reconcile.ts';
import { benchScaling } from './scaling.ts';
import { benchVisible } from './visible.ts';

const benches: Readonly<Record<string, (options: BenchOptions) => Promise<Measured>>> = {
  commands: benchCommands,
  'kafka-clients': benchKafkaClients,
  reads: benchReads,
  rebuild: benchRebuild,
  reconcile: benchReconcile,
  scaling: benchScaling,
  visible: benchVisible,
};

const servicesByDefault = '1000';
const repeatsByDefault = '10';

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      services: { type: 'string', default: servicesByDefault },
      repeats: { type: 'string', default: repeatsByDefault },
    },
  });
  const bench = benches[positionals[0] ?? ''];
  const [services, repeats] = [Number(values.services), Number(values.repeats)];
  const areCounts = [services, repeats].every((count) => Number.isInteger(count) && count >= 1);
  if (bench === undefined || !areCounts) {
    const names = Object.keys(benches).join(' | ');
    process.stderr.write(
      `usage: npm run bench -- ${names} [--json] [--services N] [--repeats N]\n`,
    );
    process.exitCode = 2;
    return;
  }
  const measured = await bench({
    services,
    repeats,
    note: (text) => process.stderr.write(`${text}\n`),
  });
  process.stdout.write(values.json ? `${JSON.stringify(asJson(measured))}\n` : asTable(measured));
}

// Ending by a signal would skip the handlers that end the children.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
await main();
