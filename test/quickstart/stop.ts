/** `npm stop`: removes what `npm start` made. */
import { createTerminal } from '../terminal/progress.ts';
import { removeEverything } from './remove.ts';

const terminal = createTerminal(process.stdout);
try {
  await removeEverything(terminal);
} catch (error) {
  terminal.line(`\n${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
