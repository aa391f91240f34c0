/**
 * The weight that a header of preferences (RFC 9110, 12.4.2) gives the first of `names` that it lists, from the most
 * specific name to the least; undefined when it lists none. A weight that cannot be read is none.
 */
function weightOf(header: string, names: readonly string[]): number | undefined {
  const weights = new Map<string, number>();
  for (const item of header.toLowerCase().split(',')) {
    const [name = '', ...parameters] = item.split(';').map((part) => part.trim());
    const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? '1';
    weights.set(name, /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(weight) ? Number(weight) : 0);
  }
  const listed = names.find((name) => weights.has(name));
  return listed === undefined ? undefined : weights.get(listed);
}

/** Each at most as long as Node lets a request's headers be, 16 KiB. */
const headersKnownMax = 64;

/** Clients send the same few headers again and again, and reading one costs up to a tenth of a read by key. */
function remembered<T extends object | string | null>(
  read: (header: string) => T,
): (header: string) => T {
  const known = new Map<string, T>();
  return (header) => {
    const before = known.get(header);
    if (before !== undefined) return before;
    const value = read(header);
    if (known.size < headersKnownMax) known.set(header, value);
    return value;
  };
}

/**
 * What an Accept header asks for: JSON unless it prefers an event stream; null when it takes neither. A stream must be
 * named, because whoever would take anything does not expect an answer without an end.
 */
export function preferredType(accept: string | undefined): 'json' | 'event-stream' | null {
  return accept === undefined || accept.trim() === '' ? 'json' : readAccept(accept);
}

const readAccept = remembered((accept): 'json' | 'event-stream' | null => {
  const json = weightOf(accept, ['application/json', 'application/*', '*/*']) ?? 0;
  const eventStream = weightOf(accept, ['text/event-stream']) ?? 0;
  if (json === 0 && eventStream === 0) return null;
  return eventStream > json ? 'event-stream' : 'json';
});

export type Coding = 'gzip' | 'identity';

const identityOnly: readonly Coding[] = ['identity'];

/**
 * The content codings that an Accept-Encoding header allows, the preferred one first (RFC 9110, 12.5.3). Identity is
 * allowed unless it is refused by name or by `*`.
 */
export function allowedCodings(acceptEncoding: string | undefined): readonly Coding[] {
  return acceptEncoding === undefined ? identityOnly : readAcceptEncoding(acceptEncoding);
}

const readAcceptEncoding = remembered((acceptEncoding): readonly Coding[] => {
  const gzip = weightOf(acceptEncoding, ['gzip', 'x-gzip', '*']) ?? 0;
  const identity = weightOf(acceptEncoding, ['identity']);
  const isRefused = (identity ?? weightOf(acceptEncoding, ['*'])) === 0;
  if (gzip === 0) return isRefused ? [] : identityOnly;
  if (isRefused) return ['gzip'];
  return (identity ?? 0) > gzip ? ['identity', 'gzip'] : ['gzip', 'identity'];
});
