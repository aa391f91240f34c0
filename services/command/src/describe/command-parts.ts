/** Entity tags as a request lists them (RFC 9110, 13.1), or any. */
const entityTags = '^(\\*|(W/)?"[!#-~]*"(, *(W/)?"[!#-~]*")*)$';
const id = '^(?!\\.{1,2}$)[A-Za-z0-9._~-]{1,128}$';

/** The parameters of the command API, for `components.parameters`. */
export const parameters = {
  id: {
    name: 'id',
    in: 'path',
    required: true,
    schema: { type: 'string', pattern: id },
  },
  idOrNew: {
    name: 'id',
    in: 'path',
    required: true,
    description: 'With `-` the service gives a new aggregate its id.',
    schema: { type: 'string', pattern: id },
  },
  command: {
    name: 'command',
    in: 'path',
    required: true,
    schema: { type: 'string', maxLength: 63, pattern: '^[a-z][a-z0-9]*(-[a-z0-9]+)*$' },
  },
  'Idempotency-Key': {
    name: 'Idempotency-Key',
    in: 'header',
    description:
      'A command with the key of an earlier one is answered as that was, and not applied again.',
    schema: { type: 'string', pattern: '^[!#-~]{1,255}$' },
    example: '9b2d3f6e-6d0b-4f8e-8f5e-0c7a2a4f1f5e',
  },
  'If-Match': {
    name: 'If-Match',
    in: 'header',
    description: 'Versions that the aggregate must have, as answered in ETag.',
    schema: { type: 'string', pattern: entityTags },
    example: '"3"',
  },
  'If-None-Match': {
    name: 'If-None-Match',
    in: 'header',
    description: 'Versions that the aggregate must not have; `*` lets nothing be there at all.',
    schema: { type: 'string', pattern: entityTags },
    example: '*',
  },
  'Consistency-Token': {
    name: 'Consistency-Token',
    in: 'header',
    description: 'What earlier commands answered; the answer then has one that covers them too.',
    schema: { type: 'string' },
  },
} as const;

/** What its problems have beside those of other APIs. */
export const createdMember = {
  id: {
    type: 'string',
    pattern: id,
    description:
      'Where it is not known whether a new aggregate was made: the id under which it is to be found if it was.',
  },
} as const;

/** The headers of its answers, for `components.headers`. */
export const headers = {
  ETag: {
    description: 'The version of the aggregate.',
    schema: { type: 'string', pattern: '^"[1-9][0-9]*"$' },
  },
  'Consistency-Token': {
    description:
      'For the query side: who sends it sees what was written. Absent where tokens are not set up.',
    schema: { type: 'string' },
  },
  'Consistency-Status': {
    description:
      '`incomplete` when a token of the request could not be verified, as its key was replaced: the answer’s covers this aggregate and what else could be read.',
    schema: { type: 'string', enum: ['incomplete'] },
  },
  Location: {
    description: 'The path of what was created, where the service gave the id.',
    schema: { type: 'string' },
  },
  'Retry-After': {
    description: 'After how many seconds to try again, where waiting helps.',
    schema: { type: 'integer' },
  },
} as const;
