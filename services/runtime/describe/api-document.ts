import { createHash } from 'node:crypto';

/** An OpenAPI or AsyncAPI document before it is served; `version` is given to it by its content. */
export type ApiDocument = {
  readonly info: { readonly title: string; readonly description: string };
  readonly [member: string]: unknown;
};

/** A document as it goes over the wire. */
export type WrittenDocument = { readonly etag: string; readonly json: string };

export type DocumentAnswer = {
  readonly status: 200 | 304;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

const digestCharacters = 12;

/** Nobody numbers the versions of a service's API, so its description is its own version: another content, another one. */
function writeDocument(document: ApiDocument): WrittenDocument {
  const digest = createHash('sha256').update(JSON.stringify(document)).digest('hex');
  const version = digest.slice(0, digestCharacters);
  const json = JSON.stringify({ ...document, info: { ...document.info, version } });
  return { etag: `"${version}"`, json };
}

/** The answer to a GET of a document; `ifNoneMatch` is that header of the request. */
export function answerWith(
  { etag, json }: WrittenDocument,
  ifNoneMatch: string | undefined,
): DocumentAnswer {
  const headers = { etag, 'cache-control': 'no-cache' };
  const known = (ifNoneMatch ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  if (known.includes(etag) || known.includes('*')) return { status: 304, headers, body: '' };
  // Any page may show the description of an API; it has nothing that the API itself does not say.
  const shown = { 'content-type': 'application/json', 'access-control-allow-origin': '*' };
  return { status: 200, headers: { ...headers, ...shown }, body: json };
}

/** Builds a document anew only when what it is built from has changed, which `sameAs` compares by identity. */
export function rebuiltOnChange<Source extends readonly unknown[]>(
  source: () => Source,
  build: (source: Source) => ApiDocument,
): () => WrittenDocument {
  let last: { readonly from: Source; readonly written: WrittenDocument } | undefined;
  return () => {
    const from = source();
    if (last === undefined || from.some((each, place) => each !== last?.from[place])) {
      last = { from, written: writeDocument(build(from)) };
    }
    return last.written;
  };
}
