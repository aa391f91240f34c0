/** What several resources are built upon, with nothing of one's own: whole in its own test, subtracted in each other's. */
import type { CqrsService } from '../api/v1alpha1/schema.ts';
import { exampleContext } from './example-context.ts';
import { labels, selector, type Labels } from './labels.ts';
import type { Component } from './names.ts';
import { ownedMeta } from './owner.ts';
import { podTemplate, type ContainerInput, type PodTemplate } from './pod-template.ts';
import { programDeployment, type Deployment, type Program } from './program-deployment.ts';
import { statefulSet, type StatefulSet } from './stateful-set.ts';

/** The Deployment of a program that needs no store, serves nothing and is told nothing. */
export function sharedDeployment(
  service: CqrsService,
  component: Program['component'],
  change: Partial<Program> = {},
): Deployment {
  return programDeployment(service, exampleContext, {
    component,
    replicas: 1,
    strategy: { type: 'Recreate', rollingUpdate: null },
    env: [],
    config: {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: ownedMeta(service, component),
      data: {},
    },
    servesHttp: false,
    readinessPeriodSeconds: 5,
    defaultResources: {},
    ...change,
  });
}

/** What is different of a program that serves clients. */
export const servingProgram = { servesHttp: true, readinessPeriodSeconds: 1 } as const;

/** A pod with one bare container. */
export function sharedPod(name: string, podLabels: Labels): PodTemplate {
  const container: ContainerInput = { name, image: `${name}:1`, volumeMounts: [], resources: {} };
  return podTemplate({
    labels: podLabels,
    configChecksum: 'none',
    userId: 1,
    images: exampleContext.images,
    container,
    volumes: [],
  });
}

/** A store of one service, on a volume that survives it. */
export function sharedStore(service: CqrsService, component: Component): StatefulSet {
  return statefulSet({
    metadata: ownedMeta(service, component),
    selector: selector(service, component),
    template: sharedPod(component, labels(service, component)),
    storage: '1Gi',
    whenDeleted: 'Retain',
  });
}
