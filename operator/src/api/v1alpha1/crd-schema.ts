import type { JsonSchema } from '@cqrs/contract/config.ts';
import { Type } from 'typebox';
import { behindPartitionsMax } from './bounds.ts';
import type { ConditionStatus } from './conditions.ts';
import { filledIn, listBy, oneOf, validations, wholeList } from './structural-schema.ts';

// Every list and string has an end, both for the reader and because the apiserver refuses CEL rules whose
// worst case over the whole object costs too much.
const aggregatesMax = 20;
const viewsMax = 20;
const sourcesMax = 10;
const indexesMax = 10;
const indexFieldsMax = 4;
// Each command pod holds 16 connections, and an update adds a quarter more pods: 400 of Postgres' 500.
const commandReplicasMax = 20;
const queryReplicasMax = 1000;
const partitionsMax = 1000;
const readsPerSecondMax = 1_000_000;
// The longest that an autoscaling/v2 HPA takes as a stabilization window.
const scaleDownSecondsMax = 3600;
// "<name>-<component>" and the pod suffixes behind it must stay within a DNS label of 63 characters.
export const nameLengthMax = 40;
const fieldLengthMax = 63;
const environmentMax = 50;
const imageLengthMax = 255;
// Of a ConfigMap's or Secret's name and of a key in it, as Kubernetes has it.
const objectNameLengthMax = 253;
const pathLengthMax = 253;

const dnsLabelPattern = '^[a-z]([-a-z0-9]*[a-z0-9])?$';
const fieldPattern = '^[A-Za-z_][A-Za-z0-9_]*$';
const orderPattern = '^-?[A-Za-z_][A-Za-z0-9_]*$';
// `?order=`, `?limit=`, `?after=` and `?key=` steer a request, so a filter of that name could not be told apart.
const reservedFields = "['order', 'limit', 'after', 'key']";

const dnsLabel = (description: string) =>
  Type.String({
    description,
    minLength: 1,
    maxLength: nameLengthMax,
    ...validations({
      rule: `self.matches('${dnsLabelPattern}')`,
      message:
        'use lower-case letters, digits and dashes, starting with a letter, as in "order-item"',
    }),
  });

const fieldName = (description: string) =>
  Type.String({
    description,
    minLength: 1,
    maxLength: fieldLengthMax,
    ...validations({
      rule: `self.matches('${fieldPattern}')`,
      message:
        'name one top-level field with letters, digits and underscores, as in "customerId"; nested paths are not supported',
    }),
  });

const volumeSize = Type.String({
  description: 'Size of the volume, fixed once it exists: a whole number with Mi, Gi or Ti.',
  default: '1Gi',
  maxLength: 10,
  ...validations(
    {
      rule: "self.matches('^[1-9][0-9]{0,5}(Mi|Gi|Ti)$')",
      message: 'give a whole number with Mi, Gi or Ti, as in "10Gi"',
    },
    {
      rule: 'self == oldSelf',
      message:
        'the size of a volume is fixed once it exists: put the old value back, and enlarge the PersistentVolumeClaim itself if its StorageClass allows it',
    },
  ),
});

const quantity = (description: string) =>
  Type.Optional(
    Type.Unsafe<string | number>({
      description,
      'x-kubernetes-int-or-string': true,
      ...validations({
        rule: 'type(self) == int ? self >= 0 : isQuantity(self)',
        message: 'give a Kubernetes quantity, as in "250m" for CPU or "256Mi" for memory',
      }),
    }),
  );

const amounts = (description: string) =>
  Type.Optional(
    Type.Object({ cpu: quantity('CPU.'), memory: quantity('Memory.') }, { description }),
  );

const resources = Type.Optional(
  Type.Object(
    {
      requests: amounts('What a node must have free for the pod.'),
      limits: amounts('What the pod may use at most.'),
    },
    { description: 'Compute resources of the container; what is left out keeps its default.' },
  ),
);

const objectName = (description: string) =>
  Type.String({
    description,
    minLength: 1,
    maxLength: objectNameLengthMax,
    ...validations({
      rule: "self.matches('^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$')",
      message: 'give the name of an object of this namespace: lower-case letters, digits, "-", "."',
    }),
  });

// What Node takes for a module; a module of TypeScript is run as it is.
const moduleEnd = '[.](ts|mts|js|mjs)$';

const behavior = Type.Object(
  {
    configMap: Type.Optional(
      Type.Object(
        {
          name: objectName('A ConfigMap of this namespace; a change of its module rolls the pods.'),
          key: Type.String({
            description: 'The key that holds the module, as in "order.ts".',
            minLength: 1,
            maxLength: objectNameLengthMax,
            ...validations({
              rule: `self.matches('^[A-Za-z0-9_-][A-Za-z0-9_.-]*${moduleEnd}')`,
              message: 'name a key that ends in .ts, .mts, .js or .mjs, as in "order.ts"',
            }),
          }),
        },
        { description: 'The module is a key of a ConfigMap.' },
      ),
    ),
    module: Type.Optional(
      Type.String({
        description: 'Absolute path of the module in command.image.',
        minLength: 1,
        maxLength: pathLengthMax,
        ...validations({
          rule: `self.matches('^/.*${moduleEnd}')`,
          message:
            'give the absolute path of a module that ends in .ts, .mts, .js or .mjs, as in "/app/order.ts"',
        }),
      }),
    ),
  },
  {
    description: 'What commands do, in code: a TypeScript or JavaScript module.',
    ...validations({
      rule: 'has(self.configMap) != has(self.module)',
      message: 'a module is in one place: give either "configMap" or "module"',
    }),
  },
);

export const aggregate = Type.Object({
  name: dnsLabel('Name in the command API (/<name>/<id>), in topics and in views.'),
  schema: Type.Unsafe<JsonSchema>({
    description:
      'JSON Schema (2020-12) of the aggregate’s state. Commands that break it are refused with 400.',
    type: 'object',
    'x-kubernetes-preserve-unknown-fields': true,
    properties: {
      type: { type: 'string', maxLength: 20, description: 'Always "object".' },
    },
    ...validations({
      rule: "has(self.type) && self.type == 'object'",
      message:
        'an aggregate’s state is an object: write "type: object" and put its fields under "properties"',
    }),
  }),
  behavior: Type.Optional(behavior),
});

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

export const command = Type.Object(
  {
    replicas: Type.Integer({
      description: 'Pods of the command API. Reads never change this number.',
      default: 2,
      minimum: 1,
      maximum: commandReplicasMax,
    }),
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
  { description: 'The write side. Leave it out for a service that only composes others’ events.' },
);

const events = Type.Object(
  {
    kafka: Type.Object(
      { storage: volumeSize },
      { ...filledIn, description: 'The event stream. {} is one broker shared by the namespace.' },
    ),
    partitions: Type.Integer({
      description: 'Partitions of each aggregate’s topic, fixed for life.',
      default: 12,
      minimum: 1,
      maximum: partitionsMax,
      ...validations({
        rule: 'self == oldSelf',
        message:
          'partitions are fixed for life, since another number would break the order of events: put the old value back',
      }),
    }),
    retention: Type.String({
      description: 'How long events stay in Kafka: forever, compact, or a duration such as 30d.',
      default: 'forever',
      maxLength: 10,
      ...validations({
        rule: "self.matches('^(forever|compact|[1-9][0-9]{0,5}[smhd])$')",
        message: 'give "forever", "compact", or a duration in s, m, h or d, as in "30d"',
      }),
    }),
  },
  { ...filledIn, description: 'The event stream between the write side and every reader.' },
);

export const source = Type.Object(
  {
    service: Type.Optional(
      dnsLabel('The CqrsService of this namespace that owns the aggregate; absent is this one.'),
    ),
    aggregate: dnsLabel('The aggregate whose events are read.'),
    key: Type.Optional(
      fieldName('Field of this aggregate that holds the id of the document it is a part of.'),
    ),
    lookup: Type.Optional(fieldName('Field of the document that holds the id of this aggregate.')),
    as: Type.Optional(fieldName('Field of the document under which this source shows.')),
    many: Type.Optional(
      Type.Boolean({ description: 'With key: show a list of all parts instead of one.' }),
    ),
  },
  validations(
    {
      rule: '!(has(self.key) && has(self.lookup))',
      message:
        'a source joins in one way: keep "key" (a part names its document) or "lookup" (the document names it), not both',
    },
    {
      rule: 'has(self.__as__) || !(has(self.key) || has(self.lookup))',
      message:
        'a source with "key" or "lookup" needs "as", the field of the document it shows under',
    },
    {
      rule: '!has(self.__as__) || has(self.key) || has(self.lookup)',
      message:
        'a source with "as" needs "key" (its field that holds the document’s id) or "lookup" (the document’s field that holds its id)',
    },
    {
      rule: '!has(self.many) || has(self.key)',
      message: '"many" goes with "key" only: remove it, since a lookup and the root are always one',
    },
    {
      rule: "!has(self.__as__) || self.__as__ != 'id'",
      message: '"id" is the document’s own id: choose another name for "as"',
    },
  ),
);

const sources = Type.Array(source, {
  description: 'The first source is the root: one document per aggregate. The others join it.',
  minItems: 1,
  ...wholeList(sourcesMax),
  ...validations(
    {
      rule: 'self.size() == 0 || !(has(self[0].__as__) || has(self[0].key) || has(self[0].lookup))',
      message:
        'the first source is the root, whose id is the document’s key: remove "key", "lookup" and "as" from it, or put the root first',
    },
    {
      rule: 'self.filter(s, !(has(s.__as__) || has(s.key) || has(s.lookup))).size() < 2',
      message:
        'only the first source is the root: give every other one "as" and either "key" or "lookup"',
    },
    {
      rule: 'self.all(s, !has(s.__as__) || self.exists_one(t, has(t.__as__) && t.__as__ == s.__as__))',
      message: 'two sources show under the same field: give each its own "as"',
    },
  ),
});

const index = Type.Object(
  {
    by: Type.Array(fieldName('A field of the document’s root.'), {
      description: 'Fields that a list request must give, as in ?customerId=c1.',
      default: [],
      maxItems: indexFieldsMax,
      'x-kubernetes-list-type': 'set',
      ...validations({
        rule: `!self.exists(field, field in ${reservedFields})`,
        message:
          '"order", "limit", "after" and "key" are parameters of every list request: index other fields',
      }),
    }),
    order: Type.Array(
      Type.String({
        maxLength: fieldLengthMax,
        ...validations({
          rule: `self.matches('${orderPattern}')`,
          message: 'name one top-level field, with "-" in front for descending, as in "-placedAt"',
        }),
      }),
      {
        description: 'Fields that sort the list, "-" in front for descending.',
        default: [],
        ...wholeList(indexFieldsMax),
      },
    ),
  },
  validations({
    rule: 'self.by.size() + self.order.size() > 0',
    message: 'an empty index answers nothing: give "by", "order" or both',
  }),
);

const view = Type.Object({
  name: dnsLabel('Name in the query API: GET /<name>/<key> and GET /<name>?<field>=….'),
  sources,
  indexes: Type.Array(index, {
    description: 'The lists that the query API answers; without one, only reads by key.',
    default: [],
    ...wholeList(indexesMax),
  }),
  poison: oneOf(['halt', 'dead-letter'], {
    default: 'halt',
    description:
      'What becomes of an event that cannot be applied: halt stops its key until it is retried, dead-letter puts the event aside and goes on without it.',
  }),
});

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
    resources,
  },
  { description: 'The read side. Leave it out for a service whose events only others read.' },
);

const telemetry = Type.Object(
  {
    otlp: Type.Object(
      {
        endpoint: Type.String({
          description:
            'Where traces go by OTLP over HTTP, as in http://collector.observe.svc:4318.',
          minLength: 1,
          maxLength: pathLengthMax,
          ...validations({
            rule: "self.matches('^https?://[^/ ]+(/[^ ]*)?$')",
            message:
              'give the URL of an OTLP/HTTP endpoint, as in "http://collector.observe.svc:4318"',
          }),
        }),
        headersSecret: Type.Optional(
          Type.Object(
            {
              name: objectName('A Secret of this namespace.'),
              key: Type.String({
                description: 'The key that holds headers as name=value, separated by commas.',
                minLength: 1,
                maxLength: objectNameLengthMax,
                ...validations({
                  rule: "self.matches('^[A-Za-z0-9_.-]+$')",
                  message: 'name a key of the Secret with letters, digits, "-", "_" and "."',
                }),
              }),
            },
            { description: 'Headers that the endpoint asks for, as tokens are.' },
          ),
        ),
      },
      { description: 'The OpenTelemetry endpoint.' },
    ),
    sampleRatio: Type.Number({
      description:
        'Which part of the traces that begin here is kept, from 0 to 1; a caller’s own choice goes before it.',
      default: 1,
      minimum: 0,
      maximum: 1,
    }),
  },
  { description: 'Traces of every command to every view. Leave it out for none.' },
);

export const spec = Type.Object(
  {
    aggregates: Type.Optional(
      Type.Array(aggregate, {
        description: 'What can be written.',
        minItems: 1,
        ...listBy('name', aggregatesMax),
      }),
    ),
    command: Type.Optional(command),
    events,
    query: Type.Optional(query),
    telemetry: Type.Optional(telemetry),
    deletionPolicy: oneOf(['Retain', 'Delete'], {
      default: 'Retain',
      description:
        'Retain keeps volumes, topics and generated passwords when this resource is deleted; Delete removes them.',
    }),
    suspend: Type.Boolean({
      default: false,
      description: 'True stops every pod of this service but keeps its stores and their data.',
    }),
  },
  {
    description: 'What the service writes, streams and reads.',
    ...validations(
      {
        rule: 'has(self.command) || has(self.query)',
        message:
          'give "command" (with "aggregates") for a write side, "query" for a read side, or both',
      },
      {
        rule: '!has(self.command) || has(self.aggregates)',
        message: '"command" needs "aggregates": name at least one aggregate that can be written',
      },
      {
        rule: '!has(self.aggregates) || has(self.command)',
        message:
          '"aggregates" need "command" to be written: add "command: {}", or remove them from a read-only service',
      },
      {
        rule: '!has(self.aggregates) || !self.aggregates.exists(a, has(a.behavior) && has(a.behavior.module)) || (has(self.command) && has(self.command.image))',
        message:
          'a "module" lies in an image of yours: give "command.image", or put the module into a ConfigMap and name it in "configMap"',
      },
      {
        rule: '!has(oldSelf.command) || has(self.command)',
        message:
          '"command" cannot be removed, since it holds the data: put it back, or create another CqrsService without it',
      },
      {
        rule: '!has(self.query) || self.query.views.all(v, v.sources.all(s, has(s.service) || (has(self.aggregates) && self.aggregates.exists(a, a.name == s.aggregate))))',
        message:
          'a view reads an aggregate that this service does not have: add it to "aggregates", or name its owner in "service"',
      },
    ),
  },
);

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
  conditions: Type.Optional(Type.Array(condition, listBy('type', 20))),
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

/**
 * The whole resource. This file is the one source of the CRD and, through `Static`, of the types in schema.ts; it is
 * apart from them because only the generator needs typebox, which would cost the operator 26 MB.
 */
export const cqrsServiceSchema = Type.Object(
  { spec, status: Type.Optional(status) },
  validations({
    rule: `self.metadata.name.size() <= ${nameLengthMax} && self.metadata.name.matches('${dnsLabelPattern}')`,
    message: `name the CqrsService with at most ${nameLengthMax} lower-case letters, digits and dashes, starting with a letter and without dots, since its Services and topics carry the name`,
  }),
);
