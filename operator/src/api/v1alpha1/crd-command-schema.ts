import { Type } from 'typebox';
import { fieldLengthMax, fieldPattern, resources, volumeSize } from './crd-fields.ts';
import { filledIn, listBy, validations } from './structural-schema.ts';

// Each command pod holds 16 connections, and an update adds a quarter more pods: 400 of Postgres' 500.
const commandReplicasMax = 20;
const environmentMax = 50;
const imageLengthMax = 255;

// Without a default: server-side apply was seen to take `command: {}` away again when it is applied a second time to an
// object in which a list by key was filled in.
const environment = Type.Array(
  Type.Object({
    name: Type.String({
      description: 'Name of the variable.',
      minLength: 1,
      maxLength: fieldLengthMax,
      ...validations(
        {
          rule: `self.matches('${fieldPattern}')`,
          message: 'name a variable with letters, digits and underscores, as in "CURRENCY"',
        },
        {
          rule: "!self.startsWith('CQRS_') && !self.startsWith('OTEL_')",
          message: 'names with CQRS_ and OTEL_ are set by the operator: choose another name',
        },
      ),
    }),
    value: Type.String({ description: 'Its value.', maxLength: 4096 }),
  }),
  {
    description: 'More environment variables of the command container.',
    ...listBy('name', environmentMax),
  },
);

const autoscaling = Type.Object(
  {
    maxReplicas: Type.Integer({
      description: 'Pods of the command API at most; spec.command.replicas is the least.',
      minimum: 1,
      maximum: commandReplicasMax,
    }),
    cpuPercent: Type.Integer({
      description: 'CPU of a pod, in percent of what it requests, beyond which pods are added.',
      default: 75,
      minimum: 1,
      maximum: 1000,
    }),
  },
  {
    description:
      'Lets an HPA scale the command pods on their CPU, which needs a metrics server. Reads never do.',
  },
);

export const command = Type.Object(
  {
    replicas: Type.Integer({
      description: 'Pods of the command API. Reads never change this number.',
      default: 2,
      minimum: 1,
      maximum: commandReplicasMax,
    }),
    autoscaling: Type.Optional(autoscaling),
    image: Type.Optional(
      Type.String({
        description:
          'An image of your own. Without any behavior it is a program in any language that listens on port 8080 and writes the outbox tables itself; with behavior it is built from the services image.',
        minLength: 1,
        maxLength: imageLengthMax,
        ...validations({
          rule: "self.matches('^[a-z0-9][A-Za-z0-9._:/@-]*$')",
          message: 'give the reference of an image, as in "registry.example/shop/orders:1.2"',
        }),
      }),
    ),
    env: Type.Optional(environment),
    postgres: Type.Object(
      { storage: volumeSize, resources },
      { ...filledIn, description: 'The write database. {} runs one Postgres for this service.' },
    ),
    resources,
  },
  {
    description: 'The write side. Leave it out for a service that only composes others’ events.',
    ...validations({
      rule: '!has(self.autoscaling) || self.replicas <= self.autoscaling.maxReplicas',
      message:
        'replicas must not exceed autoscaling.maxReplicas: lower the first or raise the second',
    }),
  },
);
