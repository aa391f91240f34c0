/** Works through the items with so many under way at any time; the first failure ends it. */
export async function atOnce<T>(
  items: readonly T[],
  underWayMax: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const left = items.values();
  const worker = async (): Promise<void> => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: underWayMax }, worker));
}
