import { createHash } from 'node:crypto';
import type { Coding } from './accept-header.ts';

const digestCharacters = 16;

/** Whether an If-None-Match header names this entity tag (RFC 9110, 13.1.2: compared weakly, `*` names any). */
export function isNamed(ifNoneMatch: string, quotedTag: string): boolean {
  if (ifNoneMatch === quotedTag || ifNoneMatch.trim() === '*') return true;
  return ifNoneMatch.split(',').some((tag) => tag.trim().replace(/^W\//, '') === quotedTag);
}

/** The tag, without quotes, of content that has no version of its own. */
export function digestTag(content: string): string {
  return createHash('sha1')
    .update(content, 'latin1')
    .digest('base64url')
    .slice(0, digestCharacters);
}

/** The quoted tag of content in one coding: other bytes need another strong tag (RFC 9110, 8.8.3.3). */
export function codedTag(etag: string, coding: Coding): string {
  return coding === 'identity' ? `"${etag}"` : `"${etag}-${coding}"`;
}
