import { keysMax } from '../keys-request.ts';
import { limitDefault, limitMax } from '../list-request.ts';

/** The parameters of the query API, for `components.parameters`. */
export const parameters = {
  path: {
    name: 'key',
    in: 'path',
    required: true,
    description: "The id of the document's root.",
    schema: { type: 'string', minLength: 1 },
  },
  key: {
    name: 'key',
    in: 'query',
    description: `Up to ${keysMax} keys; nothing else goes with them.`,
    schema: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      minItems: 1,
      maxItems: keysMax,
      uniqueItems: true,
    },
  },
  limit: {
    name: 'limit',
    in: 'query',
    description: 'How many documents a page has at most.',
    schema: { type: 'integer', minimum: 1, maximum: limitMax, default: limitDefault },
  },
  after: {
    name: 'after',
    in: 'query',
    description: 'The `next` of the page before.',
    schema: { type: 'string' },
  },
  'If-None-Match': {
    name: 'If-None-Match',
    in: 'header',
    description: 'The ETag of what is known already: then the answer is 304 while it holds.',
    schema: { type: 'string' },
  },
  'Consistency-Token': {
    name: 'Consistency-Token',
    in: 'header',
    description: 'What commands answered, several with commas: their effect is waited for.',
    schema: { type: 'string' },
  },
  Prefer: {
    name: 'Prefer',
    in: 'header',
    description:
      'With a token: `wait=SECONDS` for how long (2 unless said, at most 10), and `handling=lenient` for an older answer instead of 504 (RFC 7240).',
    schema: { type: 'string' },
    example: 'wait=5, handling=lenient',
  },
  'Last-Event-ID': {
    name: 'Last-Event-ID',
    in: 'header',
    description: 'To a stream: the last event that was received. It begins with the next.',
    schema: { type: 'string' },
  },
} as const;

/** The headers of its answers, for `components.headers`. */
export const headers = {
  ETag: {
    description:
      "Of what is answered. A document's begins with the version of its root, as a command answered it.",
    schema: { type: 'string', pattern: '^"[!#-~]+"$' },
  },
  'Consistency-Token': {
    description: 'As it was sent.',
    schema: { type: 'string' },
  },
  'Preference-Applied': {
    description: 'What of Prefer was heeded.',
    schema: { type: 'string' },
  },
  'Consistency-Status': {
    description: '`stale` on an answer that does not show all that the token asks for.',
    schema: { type: 'string', enum: ['stale'] },
  },
  'Retry-After': {
    description: 'After how many seconds to try again, where waiting helps.',
    schema: { type: 'integer' },
  },
} as const;

export const eventStreamContent = {
  schema: {
    type: 'string',
    description:
      'Server-sent events, each the whole of what the JSON answer would be: `document` or `deleted` for one document, `list` for a list; the first at once, the others when it has changed. The id is its ETag.',
  },
} as const;
