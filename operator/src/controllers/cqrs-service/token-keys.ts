import type { Clock } from '../../kube/clock.ts';

// Longer than any pass that may have seen no Secret yet.
const keptMsMax = 180_000;

/**
 * The key that a namespace without one is to get. Passes over several of its CqrsServices may each find no Secret at the
 * same time; were each of them to draw a key, the last would win, and pods that have read another could not read the
 * tokens of the others. So a key that was drawn is kept until every such pass has ended.
 */
export function createTokenKeys(
  newKey: () => string,
  clock: Pick<Clock, 'schedule'>,
): (namespace: string) => string {
  const drawn = new Map<string, string>();
  return (namespace) => {
    const known = drawn.get(namespace);
    if (known !== undefined) return known;
    const key = newKey();
    drawn.set(namespace, key);
    clock.schedule(keptMsMax, () => void drawn.delete(namespace));
    return key;
  };
}
