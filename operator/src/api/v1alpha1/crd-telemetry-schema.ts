import { Type } from 'typebox';
import { objectName, objectNameLengthMax } from './crd-fields.ts';
import { validations } from './structural-schema.ts';

const endpointLengthMax = 253;

export const telemetry = Type.Object(
  {
    otlp: Type.Object(
      {
        endpoint: Type.String({
          description:
            'Where traces go by OTLP over HTTP, as in http://collector.observe.svc:4318.',
          minLength: 1,
          maxLength: endpointLengthMax,
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
