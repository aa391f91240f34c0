import type { CommandConfig } from '@cqrs/contract/config.ts';
import { rebuiltOnChange, type WrittenDocument } from '@cqrs/runtime/describe/api-document.ts';
import type { Behaviors } from '../behavior/behavior.ts';
import type { CommandSet } from '../behavior/command-schemas.ts';
import { commandApi, type Commands, type DescribedAggregate } from './command-api.ts';
import { eventTopics } from './event-topics.ts';

/** The documents as they are now. */
export type Descriptions = {
  readonly openapi: () => WrittenDocument;
  readonly asyncapi: () => WrittenDocument;
};

/** Which commands an aggregate with behavior has is known once its module is loaded, and may change when it is again. */
export function describeCommands(config: CommandConfig, behaviors: Behaviors): Descriptions {
  const { service, aggregates } = config;
  const offers = () => aggregates.map(({ name }) => behaviors.byAggregate.get(name)?.offer());
  const described = (): readonly DescribedAggregate[] =>
    aggregates.map(({ name, schema }) => {
      const offer = behaviors.byAggregate.get(name)?.offer();
      if (offer === undefined) return { name, schema };
      return { name, schema, commands: offer.ok ? commandsOf(offer.commands) : null };
    });
  return {
    openapi: rebuiltOnChange(offers, () => commandApi(service, described())),
    asyncapi: rebuiltOnChange(offers, () => eventTopics(service, described())),
  };
}

function commandsOf(commands: CommandSet | undefined): Commands {
  if (commands === undefined) return null;
  return Object.fromEntries([...commands].map(([name, { schema }]) => [name, schema]));
}
