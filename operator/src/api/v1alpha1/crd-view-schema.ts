import { Type } from 'typebox';
import { dnsLabel, fieldLengthMax, fieldName } from './crd-fields.ts';
import { oneOf, validations, wholeList } from './structural-schema.ts';

const sourcesMax = 10;
const indexesMax = 10;
const indexFieldsMax = 4;

const orderPattern = '^-?[A-Za-z_][A-Za-z0-9_]*$';
// `?order=`, `?limit=`, `?after=` and `?key=` steer a request, so a filter of that name could not be told apart.
const reservedFields = "['order', 'limit', 'after', 'key']";

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

export const view = Type.Object({
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
