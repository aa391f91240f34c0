import { createHash } from 'node:crypto';

const checksumLength = 16;

/** A short hash of file contents by file name, for the annotation that rolls pods when a file changes. */
export function checksum(files: Readonly<Record<string, string>>): string {
  return createHash('sha256').update(JSON.stringify(files)).digest('hex').slice(0, checksumLength);
}
