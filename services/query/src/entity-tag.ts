/** Whether an If-None-Match header names this entity tag (RFC 9110, 13.1.2: compared weakly, `*` names any). */
export function isNamed(ifNoneMatch: string, quotedTag: string): boolean {
  if (ifNoneMatch === quotedTag || ifNoneMatch.trim() === '*') return true;
  return ifNoneMatch.split(',').some((tag) => tag.trim().replace(/^W\//, '') === quotedTag);
}
