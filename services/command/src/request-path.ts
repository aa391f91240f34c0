/** The segments of a request's path, for any target: `URL` takes what follows `//` for a host, and throws without one. */
export function segmentsOf(target: string): readonly string[] {
  return (target.split('?')[0] ?? '').slice(1).split('/');
}
