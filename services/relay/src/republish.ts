import { CqrsError } from '@cqrs/contract/errors.ts';
import { startRepublishing } from './republishing.ts';
import { postgresAddress, relayConfig } from './settings.ts';

/**
 * A program that a person runs when the relay says so: it makes the running relay begin with the event table again. It
 * exits with 0 when that is sure, with 2 when something must be done first, which it says, and with 1 when it does not
 * know; then it may simply run again.
 */
const say = (text: string): void => void process.stdout.write(`${text}\n`);

try {
  const config = relayConfig(process.env);
  const outcome = await startRepublishing(postgresAddress(process.env), config, say);
  say(outcome.text);
  process.exitCode = outcome.begun ? 0 : 2;
} catch (error) {
  const code = error instanceof CqrsError ? `${error.code}: ` : '';
  say(`${code}${error instanceof Error ? error.message : String(error)}`);
  say('It is not known whether the relay will begin again. Running this once more does no harm.');
  process.exitCode = 1;
}
