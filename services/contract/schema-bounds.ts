import type { JsonSchema } from './config.ts';

/** JSON text of one schema, in UTF-8 bytes. Compiling is synchronous: it holds up everything else in a process. */
const schemaBytesMax = 65_536;
/** Objects and arrays in one schema: subschemas, and the maps and lists of them. */
const schemaNodesMax = 2_000;

/**
 * Why a schema is too large to be compiled, as the end of a sentence that begins with it; undefined when it is not. The
 * operator refuses by it what the command service would refuse.
 */
export function whyTooLarge(schema: JsonSchema): string | undefined {
  // Nodes first: their number also bounds the depth, and JSON.stringify recurses.
  const nodes = countNodes(schema);
  if (nodes > schemaNodesMax) {
    return `has ${nodes} nodes; the bound is ${schemaNodesMax}: split the aggregate or use $defs`;
  }
  const bytes = Buffer.byteLength(JSON.stringify(schema));
  if (bytes > schemaBytesMax) {
    return `has ${bytes} bytes of JSON; the bound is ${schemaBytesMax}: split the aggregate or use $defs`;
  }
  return undefined;
}

/** Objects and arrays, with a list of what is left in place of recursion: nothing has bounded the depth yet. */
function countNodes(schema: JsonSchema): number {
  const left: object[] = [schema];
  let nodes = 0;
  for (let node = left.pop(); node !== undefined; node = left.pop()) {
    nodes += 1;
    for (const inner of Object.values(node) as readonly unknown[]) {
      if (typeof inner === 'object' && inner !== null) left.push(inner);
    }
  }
  return nodes;
}
