/**
 * `node test/cluster/tools/main.ts [name…]` builds the named tools, or all of them, and prints a
 * line for each.
 */
import { isToolName, toolNames } from './catalogue.ts';
import { ensureTools } from './tools.ts';

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !isToolName(name));
if (unknown.length > 0) {
  process.stderr.write(`No such tool: ${unknown.join(', ')}. There are: ${toolNames.join(', ')}\n`);
  process.exit(2);
}
const chosen = asked.length === 0 ? toolNames : asked.filter(isToolName);
try {
  const paths = await ensureTools(chosen, ({ tool, state, seconds }) => {
    const took = state === 'built' ? ` in ${seconds.toFixed(1)} s` : '';
    process.stdout.write(`${tool} ${state}${took}\n`);
  });
  process.stdout.write(`${Object.values(paths).join('\n')}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
