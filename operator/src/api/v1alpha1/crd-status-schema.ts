import { Type } from 'typebox';
import { behindPartitionsMax } from './bounds.ts';
import type { ConditionStatus } from './conditions.ts';
import { viewsMax } from './crd-query-schema.ts';
import { listBy, wholeList } from './structural-schema.ts';

const conditionsMax = 20;

// The limits are those of metav1.Condition.
const condition = Type.Object({
  type: Type.String({ maxLength: 316 }),
  status: Type.Unsafe<ConditionStatus>({ type: 'string', enum: ['True', 'False', 'Unknown'] }),
  reason: Type.String({ minLength: 1, maxLength: 1024 }),
  message: Type.String({ maxLength: 32_768 }),
  observedGeneration: Type.Optional(Type.Integer({ minimum: 0 })),
  lastTransitionTime: Type.String({ format: 'date-time' }),
});

const partitionLag = Type.Object({
  topicPartition: Type.String({ description: 'Topic and partition.' }),
  lagEvents: Type.Integer({ description: 'Events that are yet to be applied.' }),
  lagSeconds: Type.Number({ description: 'Age of the oldest of them.' }),
});

const viewProjection = Type.Object({
  name: Type.String({ description: 'The view.' }),
  lagEvents: Type.Integer({ description: 'Events that it has yet to apply.' }),
  lagSeconds: Type.Number({ description: 'Age of the oldest of them.' }),
  haltedPartitions: Type.Integer({ description: 'Partitions that stand still.' }),
  haltedKeys: Type.Integer({
    description: 'Keys that stand still at an event that cannot be applied.',
  }),
  behind: Type.Array(partitionLag, {
    description: 'While the view is not caught up: the partitions that are furthest behind.',
    ...wholeList(behindPartitionsMax),
  }),
});

export const status = Type.Object({
  observedGeneration: Type.Optional(
    Type.Integer({ description: 'The generation of the spec that this status speaks of.' }),
  ),
  conditions: Type.Optional(Type.Array(condition, listBy('type', conditionsMax))),
  command: Type.Optional(
    Type.Object({
      ready: Type.String({ description: 'Pods that are ready, of those wanted: "2/2".' }),
      url: Type.String({ description: 'Where clients in the cluster send commands.' }),
    }),
  ),
  query: Type.Optional(
    Type.Object({
      ready: Type.String({ description: 'Pods that are ready, of those that exist: "3/3".' }),
      url: Type.String({ description: 'Where clients in the cluster read.' }),
      desiredReplicas: Type.Integer({ description: 'Pods that the autoscaler wants.' }),
      readsPerSecond: Type.Integer({ description: 'Reads asked of all pods together.' }),
      burst: Type.Optional(
        Type.Object(
          {
            replicas: Type.Integer({ description: 'Pods that it holds at least.' }),
            readsPerSecond: Type.Integer({ description: 'Reads when it came.' }),
          },
          {
            description:
              'The last burst of reads, while it holds pods that the spec alone would not.',
          },
        ),
      ),
    }),
  ),
  projection: Type.Optional(
    Type.Object({
      lag: Type.String({ description: 'How far the slowest view is behind, for people.' }),
      lagEvents: Type.Integer({ description: 'Events that the slowest view has yet to apply.' }),
      lagSeconds: Type.Number({ description: 'Age of the oldest of them.' }),
      views: Type.Array(viewProjection, {
        description: 'Each view.',
        default: [],
        ...wholeList(viewsMax),
      }),
    }),
  ),
});
