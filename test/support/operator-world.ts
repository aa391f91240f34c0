import { onTestFailed } from 'vitest';
import { customResourceDefinition } from '../../operator/src/api/v1alpha1/crd.ts';
import type { WrittenSpec } from '../../operator/src/api/v1alpha1/example-services.ts';
import { cqrsServiceType, type CqrsService } from '../../operator/src/api/v1alpha1/schema.ts';
import { createClient, type KubeClient } from '../../operator/src/kube/client.ts';
import { KubeError } from '../../operator/src/kube/errors.ts';
import type { KubeObject, ObjectMeta } from '../../operator/src/kube/object.ts';
import { apiVersionOf, builtin, type ResourceType } from '../../operator/src/kube/resource-type.ts';
import { startApiServer, type ApiServer } from './apiserver.ts';

const managed = 'app.kubernetes.io/managed-by=cqrs-operator';

/** Kinds of which a CqrsService has children. */
export const childTypes: readonly ResourceType[] = [
  builtin.secret,
  builtin.configMap,
  builtin.service,
  builtin.statefulSet,
  builtin.deployment,
  builtin.podDisruptionBudget,
  builtin.horizontalPodAutoscaler,
];

/** A real API server that knows CqrsServices, and short ways to what tests ask of it as admin. */
export type OperatorWorld = {
  readonly apiServer: ApiServer;
  readonly admin: KubeClient;
  createNamespace(name: string): Promise<string>;
  apply(
    ref: Pick<ObjectMeta, 'name' | 'annotations'> & { namespace: string },
    spec: WrittenSpec,
  ): Promise<CqrsService>;
  /** The object, or undefined where there is none. */
  find<T extends KubeObject>(
    type: ResourceType,
    namespace: string,
    name: string,
  ): Promise<T | undefined>;
  /** `Kind/name` of every child in a namespace, with its resource version. */
  children(namespace: string): Promise<Readonly<Record<string, string>>>;
  stop(): Promise<void>;
};

export async function startOperatorWorld(
  options: Parameters<typeof startApiServer>[0] = {},
): Promise<OperatorWorld> {
  const apiServer = await startApiServer(options);
  const admin = createClient({ kubeConfig: apiServer.kubeConfig });
  await admin.create(builtin.customResourceDefinition, customResourceDefinition());
  return {
    apiServer,
    admin,
    async createNamespace(name) {
      const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
      await admin.create(builtin.namespace, namespace);
      return name;
    },
    apply(metadata, spec) {
      const { kind } = cqrsServiceType;
      const manifest = { apiVersion: apiVersionOf(cqrsServiceType), kind, metadata, spec };
      return admin.apply(cqrsServiceType, manifest, { fieldManager: 'user' });
    },
    find: (type, namespace, name) =>
      admin.get(type, { namespace, name }).catch((error: unknown) => {
        if (error instanceof KubeError && error.isNotFound) return undefined;
        throw error;
      }) as Promise<never>,
    async children(namespace) {
      const lists = await Promise.all(
        childTypes.map(async (type) => {
          const { items } = await admin.list(type, { namespace, labelSelector: managed });
          return items.map(({ metadata }) => [
            `${type.kind}/${metadata.name}`,
            metadata.resourceVersion ?? '',
          ]);
        }),
      );
      return Object.fromEntries(lists.flat());
    },
    async stop() {
      await admin.close();
      await apiServer.stop();
    },
  };
}

/** When the test fails, what the operator said last is printed. */
export function tellOnFailure(operator: { output(): string }): void {
  onTestFailed(() => void process.stderr.write(operator.output().slice(-6000)));
}
