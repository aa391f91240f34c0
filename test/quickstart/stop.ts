/** `npm stop`: removes what `npm start` made. It takes no arguments, so that nobody removes a cluster by asking for help. */
import { createTerminal } from '../terminal/progress.ts';
import { removeEverything } from './remove.ts';

const usage = `npm stop

Removes what npm start made: its cluster as a whole, or, from a cluster that was there before, the examples and the operator.
`;
const [argument] = process.argv.slice(2);
if (argument === '--help') {
  process.stdout.write(usage);
} else if (argument !== undefined) {
  process.stderr.write(
    `npm stop takes no arguments, and nothing was removed: ${argument}\n\n${usage}`,
  );
  process.exitCode = 2;
} else {
  const terminal = createTerminal(process.stdout);
  try {
    await removeEverything(terminal);
  } catch (error) {
    terminal.line(`\n${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
