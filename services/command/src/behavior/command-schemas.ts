import type { JsonSchema } from '@cqrs/contract/config.ts';
import { CqrsError } from '@cqrs/contract/errors.ts';
import { compileValidator, type Validate } from '../aggregate.ts';
import { isName, nameRule } from './name-rule.ts';

/** The commands that a module lists, each with the schema of its data and the judgment by it. */
export type CommandSet = ReadonlyMap<
  string,
  { readonly schema: JsonSchema; readonly validate: Validate }
>;

const commandsMax = 100;

/** Undefined when the module lists no commands. Throws an error whose message goes on from the module's name. */
export function compileCommands(commandsText: string | null): CommandSet | undefined {
  if (commandsText === null) return undefined;
  const schemas = JSON.parse(commandsText) as Readonly<Record<string, JsonSchema>>;
  const names = Object.keys(schemas);
  if (names.length > commandsMax) {
    throw new CqrsError(
      'CQRS_BEHAVIOR_FAILED',
      `lists ${names.length} commands; the bound is ${commandsMax}.`,
    );
  }
  const wrong = names.find((name) => !isName(name));
  if (wrong !== undefined) {
    throw new CqrsError(
      'CQRS_BEHAVIOR_FAILED',
      `lists the command ${JSON.stringify(wrong)}, whose name is not ${nameRule}.`,
    );
  }
  return new Map(
    Object.entries(schemas).map(([name, schema]) => [
      name,
      { schema, validate: compile(name, schema) },
    ]),
  );
}

function compile(name: string, schema: JsonSchema): Validate {
  try {
    return compileValidator(schema, { subject: `command ${name}`, remedy: 'Correct `commands`.' });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CqrsError('CQRS_BEHAVIOR_FAILED', `lists unusable commands. ${reason}`, cause);
  }
}
