import type { CqrsService } from '../api/v1alpha1/schema.ts';
import type { CommandService, QueryService } from '../api/v1alpha1/service-kinds.ts';
import type { KubeObject } from '../kube/object.ts';
import { kafkaMeta, type KafkaUsers } from './kafka-users.ts';
import { kafkaSelector, selector, type Labels } from './labels.ts';
import { storePorts, type Component } from './names.ts';
import { ownedMeta } from './owner.ts';

export type Service = KubeObject & {
  readonly spec: {
    readonly type: 'ClusterIP';
    readonly selector: Labels;
    readonly ports: readonly Port[];
  };
};

type Port = { readonly name: string; readonly port: number; readonly targetPort: string };

const httpPort: Port = { name: 'http', port: 80, targetPort: 'http' };

/** Where clients send commands. */
export function commandService(service: CommandService): Service {
  return componentService(service, 'command', httpPort);
}

/** Where clients read. */
export function queryService(service: QueryService): Service {
  return componentService(service, 'query', httpPort);
}

/** The address of the write database, which stays when its pod moves. */
export function postgresService(service: CommandService): Service {
  return componentService(service, 'postgres', storePort('postgres'));
}

/** The address of the read database, which stays when its pod moves. */
export function redisService(service: QueryService): Service {
  return componentService(service, 'redis', storePort('redis'));
}

/** The address of the namespace's broker, which it also advertises to its clients. */
export function kafkaService(users: KafkaUsers): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: kafkaMeta(users),
    spec: { type: 'ClusterIP', selector: kafkaSelector, ports: [storePort('kafka')] },
  };
}

function componentService(service: CqrsService, component: Component, port: Port): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: ownedMeta(service, component),
    spec: { type: 'ClusterIP', selector: selector(service, component), ports: [port] },
  };
}

function storePort(store: keyof typeof storePorts): Port {
  return { name: store, port: storePorts[store], targetPort: store };
}
