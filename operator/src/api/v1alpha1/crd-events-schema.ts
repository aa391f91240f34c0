import { Type } from 'typebox';
import { volumeSize } from './crd-fields.ts';
import { filledIn, validations } from './structural-schema.ts';

const partitionsMax = 1000;

export const events = Type.Object(
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
