import { isObject, type JsonObject } from './json.ts';

/** JSON Merge Patch (RFC 7396): members of the patch replace, null removes, objects merge. Neither argument is changed. */
export function mergePatch(target: JsonObject, patch: JsonObject): JsonObject {
  const merged = new Map(Object.entries(target));
  for (const [member, value] of Object.entries(patch)) {
    if (value === null) {
      merged.delete(member);
      continue;
    }
    const before = merged.get(member);
    merged.set(member, isObject(value) ? mergePatch(isObject(before) ? before : {}, value) : value);
  }
  return Object.fromEntries(merged);
}
