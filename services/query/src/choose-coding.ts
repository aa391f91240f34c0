import type { Coding } from './accept-header.ts';

/**
 * Below this, gzip costs the same 0.12 ms of processor time however little there is, which is that of six reads by key;
 * here it spares 6 kB, which is 0.5 ms of 100 Mbit/s. designs/0002-read-store.md has the figures.
 */
const gzipBytesMin = 8 * 1024;

/** How an answer is sent; null when only gzip is allowed and nothing can be compressed now. */
export function chooseCoding(
  allowed: readonly Coding[],
  bytes: number,
  canCompress: boolean,
): Coding | null {
  const identity = allowed.includes('identity');
  if (allowed[0] === 'gzip' && (bytes >= gzipBytesMin || !identity) && canCompress) return 'gzip';
  return identity ? 'identity' : null;
}
