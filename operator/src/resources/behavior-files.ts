import { configFile } from '@cqrs/contract/env.ts';
import type { Aggregate } from '../api/v1alpha1/schema.ts';
import type { CommandService } from '../api/v1alpha1/service-kinds.ts';
import type { ProjectedConfigMap } from './pod-template.ts';

const folder = 'behavior';
const mountPath = configFile.slice(0, configFile.lastIndexOf('/'));

/** A behavior whose module a ConfigMap of the user's holds. */
export type MountedBehavior = {
  readonly aggregate: string;
  readonly configMap: string;
  readonly key: string;
};

/** The behaviors that are mounted into the command pods, in the order of the spec. */
export function mountedBehaviors(service: CommandService): readonly MountedBehavior[] {
  return service.spec.aggregates.flatMap(({ name, behavior }) =>
    behavior?.configMap === undefined
      ? []
      : [{ aggregate: name, configMap: behavior.configMap.name, key: behavior.configMap.key }],
  );
}

/** Where the command pods find them: files beside the program's own configuration. */
export function behaviorFiles(service: CommandService): readonly ProjectedConfigMap[] {
  return mountedBehaviors(service).map(({ aggregate, configMap, key }) => ({
    configMap: { name: configMap, items: [{ key, path: fileOf(aggregate, key) }] },
  }));
}

/** The absolute path of an aggregate's module inside the command pod; undefined without behavior. */
export function modulePath({ name, behavior }: Aggregate): string | undefined {
  if (behavior?.configMap === undefined) return behavior?.module;
  return `${mountPath}/${fileOf(name, behavior.configMap.key)}`;
}

function fileOf(aggregate: string, key: string): string {
  return `${folder}/${aggregate}/${key}`;
}
