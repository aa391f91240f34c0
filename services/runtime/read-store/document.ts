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
 * Reads what functions.lua stores under a document's key: "<etag>\n<json>\n<what only the functions read>". Null when
 * nothing is stored, or only the version of a deleted root.
 */
export function parseDocument(stored: Buffer | null): ReadDocument | null {
  if (stored === null) return null;
  // One conversion, because each is a call out of JavaScript; the third line is short.
  const text = stored.toString('latin1');
  const etagEnd = text.indexOf('\n');
  const jsonEnd = text.indexOf('\n', etagEnd + 1);
  if (jsonEnd === -1) return null;
  return { etag: text.slice(0, etagEnd), json: text.slice(etagEnd + 1, jsonEnd) };
}
