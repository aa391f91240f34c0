import { Type } from 'typebox';
import { notObserved } from './bounds.ts';
import { aggregate } from './crd-aggregate-schema.ts';
import { command } from './crd-command-schema.ts';
import { events } from './crd-events-schema.ts';
import { dnsLabelPattern, nameLengthMax } from './crd-fields.ts';
import { query } from './crd-query-schema.ts';
import { status } from './crd-status-schema.ts';
import { telemetry } from './crd-telemetry-schema.ts';
import { listBy, oneOf, validations } from './structural-schema.ts';

const aggregatesMax = 20;

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

/**
 * The whole resource. This file and those of its parts beside it (`crd-*-schema.ts`) are the one source of the CRD and,
 * through `Static`, of the types in schema.ts; they are apart from them because only the generator needs typebox, which
 * would cost the operator 26 MB.
 */
export const cqrsServiceSchema = Type.Object(
  {
    spec,
    status: Type.Optional({ ...status, default: { observedGeneration: notObserved } }),
  },
  validations({
    rule: `self.metadata.name.size() <= ${nameLengthMax} && self.metadata.name.matches('${dnsLabelPattern}')`,
    message: `name the CqrsService with at most ${nameLengthMax} lower-case letters, digits and dashes, starting with a letter and without dots, since its Services and topics carry the name`,
  }),
);
