import type { Aggregate, CommandSpec, CqrsService, CqrsServiceSpec, QuerySpec } from './schema.ts';

/** A CqrsService with a write side. */
export type CommandService = CqrsService & {
  spec: CqrsServiceSpec & { command: CommandSpec; aggregates: Aggregate[] };
};

/** A CqrsService with a read side. */
export type QueryService = CqrsService & { spec: CqrsServiceSpec & { query: QuerySpec } };

/** Whether the service can be written; admission lets `command` and `aggregates` come only together. */
export function hasCommand(service: CqrsService): service is CommandService {
  return service.spec.command !== undefined && service.spec.aggregates !== undefined;
}

/** Whether the service can be read. */
export function hasQuery(service: CqrsService): service is QueryService {
  return service.spec.query !== undefined;
}

/**
 * Whether the command pods run a program of the user's own, in any language. An image whose aggregates have behavior is
 * no such program: behavior is run by the command program of ours, which the image is then built from.
 */
export function hasOwnProgram({ spec }: CqrsService): boolean {
  const hasBehavior = spec.aggregates?.some(({ behavior }) => behavior !== undefined) ?? false;
  return spec.command?.image !== undefined && !hasBehavior;
}
