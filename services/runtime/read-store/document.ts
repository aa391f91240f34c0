const newline = 0x0a;
const space = 0x20;

/** What a reader gets. */
export type ReadDocument = {
  /** The strong entity tag without its quotes; begins with the version of the document's root. */
  readonly etag: string;
  /**
   * The JSON as it is stored, each byte as one character (`latin1`): sent with that encoding the bytes are the same.
   * An HTTP answer goes out in one piece with a string, and in two, at a quarter more processor time, with a buffer.
   */
  readonly json: string;
};

/**
 * Reads what functions.lua stores under a document's key: "<etag> <root bytes> <json bytes>\n<json><trailer>".
 * Null when nothing is stored or only the version of a deleted root is kept.
 */
export function parseDocument(stored: Buffer | null): ReadDocument | null {
  if (stored === null) return null;
  const headerEnd = stored.indexOf(newline);
  const etagEnd = stored.indexOf(space);
  const jsonBytesStart = stored.indexOf(space, etagEnd + 1) + 1;
  const jsonBytes = Number(stored.toString('latin1', jsonBytesStart, headerEnd));
  if (jsonBytes === 0) return null;
  return {
    etag: stored.toString('latin1', 0, etagEnd),
    json: stored.toString('latin1', headerEnd + 1, headerEnd + 1 + jsonBytes),
  };
}
