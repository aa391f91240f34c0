import { Type } from 'typebox';
import { validations } from './structural-schema.ts';

// Every list and string of the resource has an end, both for the reader and because the apiserver refuses CEL rules
// whose worst case over the whole object costs too much.

// "<name>-<component>" and the pod suffixes behind it must stay within a DNS label of 63 characters.
export const nameLengthMax = 40;
export const fieldLengthMax = 63;
// Of a ConfigMap's or Secret's name and of a key in it, as Kubernetes has it.
export const objectNameLengthMax = 253;

export const dnsLabelPattern = '^[a-z]([-a-z0-9]*[a-z0-9])?$';
export const fieldPattern = '^[A-Za-z_][A-Za-z0-9_]*$';

export const dnsLabel = (description: string) =>
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

export const fieldName = (description: string) =>
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

export const objectName = (description: string) =>
  Type.String({
    description,
    minLength: 1,
    maxLength: objectNameLengthMax,
    ...validations({
      rule: "self.matches('^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$')",
      message: 'give the name of an object of this namespace: lower-case letters, digits, "-", "."',
    }),
  });

export const volumeSize = Type.String({
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

export const resources = Type.Optional(
  Type.Object(
    {
      requests: amounts('What a node must have free for the pod.'),
      limits: amounts('What the pod may use at most.'),
    },
    { description: 'Compute resources of the container; what is left out keeps its default.' },
  ),
);
