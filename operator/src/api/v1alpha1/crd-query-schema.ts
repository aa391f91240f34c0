import { Type } from 'typebox';
import { resources, volumeSize } from './crd-fields.ts';
import { view } from './crd-view-schema.ts';
import { filledIn, listBy, validations } from './structural-schema.ts';

export const viewsMax = 20;
const queryReplicasMax = 1000;
const readsPerSecondMax = 1_000_000;
const eventsBehindMax = 1_000_000_000;
// The longest that an autoscaling/v2 HPA takes as a stabilization window.
const scaleDownSecondsMax = 3600;

// The apiserver judges a default by the object's rules before it fills in the fields, so it is written in full.
const autoscalingDefault = {
  minReplicas: 1,
  maxReplicas: 20,
  readsPerSecond: 500,
  scaleDownSeconds: 60,
} as const;

const autoscaling = Type.Object(
  {
    minReplicas: Type.Integer({
      description: 'Pods of the query API when nobody reads.',
      default: autoscalingDefault.minReplicas,
      minimum: 1,
      maximum: queryReplicasMax,
    }),
    maxReplicas: Type.Integer({
      description: 'Pods of the query API at most.',
      default: autoscalingDefault.maxReplicas,
      minimum: 1,
      maximum: queryReplicasMax,
    }),
    readsPerSecond: Type.Integer({
      description: 'Reads per second that one pod should answer; more of them add pods.',
      default: autoscalingDefault.readsPerSecond,
      minimum: 1,
      maximum: readsPerSecondMax,
    }),
    scaleDownSeconds: Type.Integer({
      description: 'How long reads must be fewer before pods are removed.',
      default: autoscalingDefault.scaleDownSeconds,
      minimum: 0,
      maximum: scaleDownSecondsMax,
    }),
  },
  {
    default: autoscalingDefault,
    description: 'How the query API follows the reads.',
    ...validations({
      rule: 'self.minReplicas <= self.maxReplicas',
      message: 'minReplicas must not exceed maxReplicas: lower the first or raise the second',
    }),
  },
);

const projector = Type.Object(
  {
    maxReplicas: Type.Integer({
      description: 'Pods of the projector at most; never more than the topics have partitions.',
      default: 4,
      minimum: 1,
      maximum: queryReplicasMax,
    }),
    eventsBehind: Type.Integer({
      description: 'Events that one pod may be behind; more of them add pods.',
      default: 100_000,
      minimum: 1,
      maximum: eventsBehindMax,
    }),
  },
  { ...filledIn, description: 'How the projector follows the events that it has yet to apply.' },
);

export const query = Type.Object(
  {
    redis: Type.Object(
      { storage: volumeSize, resources },
      { ...filledIn, description: 'The read database. {} runs one Redis for this service.' },
    ),
    views: Type.Array(view, {
      description: 'What can be read: documents that follow the events.',
      minItems: 1,
      ...listBy('name', viewsMax),
    }),
    autoscaling,
    projector,
    resources,
  },
  { description: 'The read side. Leave it out for a service whose events only others read.' },
);
