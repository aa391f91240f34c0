import type { KubeObject } from '../../kube/object.ts';
import { cqrsServiceSchema } from './crd-schema.ts';
import { cqrsServiceType } from './schema.ts';
import { structural, type StructuralSchema } from './structural-schema.ts';

type PrinterColumn = {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date';
  readonly jsonPath: string;
  readonly description: string;
  readonly priority?: number;
};

export type CustomResourceDefinition = KubeObject & {
  readonly spec: {
    readonly group: string;
    readonly scope: 'Namespaced';
    readonly names: { readonly [form: string]: string | readonly string[] };
    readonly versions: readonly {
      readonly name: string;
      readonly served: boolean;
      readonly storage: boolean;
      readonly subresources: { readonly status: Record<string, never> };
      readonly additionalPrinterColumns: readonly PrinterColumn[];
      readonly schema: { readonly openAPIV3Schema: StructuralSchema };
    }[];
  };
};

const readyField = (field: string): string => `.status.conditions[?(@.type=="Ready")].${field}`;

/** What `kubectl get cqrs` shows; columns with a priority appear with `-o wide`. */
const printerColumns: readonly PrinterColumn[] = [
  {
    name: 'Ready',
    type: 'string',
    jsonPath: readyField('status'),
    description: 'Whether commands are taken, events flow and reads are answered.',
  },
  {
    name: 'Command',
    type: 'string',
    jsonPath: '.status.command.ready',
    description: 'Pods of the command API: ready/wanted.',
  },
  {
    name: 'Query',
    type: 'string',
    jsonPath: '.status.query.ready',
    description: 'Pods of the query API: ready/there.',
  },
  {
    name: 'Desired',
    type: 'integer',
    jsonPath: '.status.query.desiredReplicas',
    description: 'Pods of the query API that the autoscaler wants.',
  },
  {
    name: 'Reads/s',
    type: 'integer',
    jsonPath: '.status.query.readsPerSecond',
    description: 'Reads per second asked of the query API.',
  },
  {
    name: 'Lag',
    type: 'string',
    jsonPath: '.status.projection.lag',
    description: 'How far the slowest view is behind.',
  },
  {
    name: 'Age',
    type: 'date',
    jsonPath: '.metadata.creationTimestamp',
    description: 'Time since it was created.',
  },
  {
    name: 'Reason',
    type: 'string',
    jsonPath: readyField('reason'),
    description: 'Why it is ready or not.',
    priority: 1,
  },
  {
    name: 'Message',
    type: 'string',
    jsonPath: readyField('message'),
    description: 'What stands in the way, and what to do.',
    priority: 1,
  },
];

/** The CustomResourceDefinition of CqrsService, made from the one schema. */
export function customResourceDefinition(): CustomResourceDefinition {
  const { group, version, plural, kind } = cqrsServiceType;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        shortNames: ['cqrs'],
        categories: ['cqrs'],
      },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: printerColumns,
          schema: { openAPIV3Schema: wholeObject(structural(cqrsServiceSchema)) },
        },
      ],
    },
  };
}

/** The three fields that every resource has; the apiserver validates them itself. */
function wholeObject(schema: StructuralSchema): StructuralSchema {
  return {
    ...schema,
    description:
      'A CqrsService gives a team a write side, an event stream and a read side that scales alone.',
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      ...schema.properties,
    },
  };
}
