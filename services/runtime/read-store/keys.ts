/**
 * The keys of one build of a view. All carry one hash tag, so on Redis Cluster they share a slot and one function call
 * may touch them together. functions.lua makes the same names, and those only it needs (`parts:`, `ref:`, `lookup:`).
 */
export function readStoreKeys(tag: string): {
  readonly positions: string;
  readonly document: (id: string) => string;
  readonly index: (suffix: string) => string;
} {
  const prefix = `{${tag}}:`;
  return {
    positions: `${prefix}positions`,
    document: (id) => `${prefix}doc:${id}`,
    index: (suffix) => `${prefix}index:${suffix}`,
  };
}
