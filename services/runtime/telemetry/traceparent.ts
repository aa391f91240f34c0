const wellFormed = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
const sampled = /-[0-9a-f][13579bdf]$/;

/** The header traceparent where it is well-formed (W3C Trace Context, version 00), null otherwise: a trace then begins anew. */
export function wellFormedTraceparent(header: string | undefined): string | null {
  return header !== undefined && wellFormed.test(header) ? header : null;
}

/** Whether a traceparent belongs to a trace that is recorded: others are passed on and cost nothing else. */
export function isSampled(traceparent: string): boolean {
  return wellFormed.test(traceparent) && sampled.test(traceparent);
}
