/** Wakes one waiter when something happened; what happens while nobody waits is not lost, and counts once. */
export type Signal = { readonly notify: () => void; readonly wait: () => Promise<void> };

export function createSignal(): Signal {
  let next = Promise.withResolvers<void>();
  return {
    notify: () => next.resolve(),
    wait: async () => {
      await next.promise;
      next = Promise.withResolvers<void>();
    },
  };
}
