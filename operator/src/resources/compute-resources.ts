import type { Resources } from '../api/v1alpha1/schema.ts';

type Amounts = { readonly cpu?: string | number; readonly memory?: string | number };
export type ComputeResources = { readonly requests?: Amounts; readonly limits?: Amounts };

/**
 * The defaults, except where the user named CPU or memory: then the user's words replace both the request and
 * the limit of it, since half of ours beside half of theirs may contradict (a request above its limit).
 */
export function computeResources(
  defaults: ComputeResources,
  wanted: Resources | undefined,
): ComputeResources {
  const from = (what: Kind): Resources => (isNamed(wanted, what) ? wanted : defaults);
  const part = (which: 'requests' | 'limits'): Amounts => ({
    ...only(from('cpu')[which], 'cpu'),
    ...only(from('memory')[which], 'memory'),
  });
  const [requests, limits] = [part('requests'), part('limits')];
  return {
    ...(Object.keys(requests).length > 0 && { requests }),
    ...(Object.keys(limits).length > 0 && { limits }),
  };
}

type Kind = 'cpu' | 'memory';

function isNamed(wanted: Resources | undefined, what: Kind): wanted is Resources {
  return wanted?.requests?.[what] !== undefined || wanted?.limits?.[what] !== undefined;
}

function only(amounts: Amounts | undefined, what: Kind): Amounts {
  const amount = amounts?.[what];
  return amount === undefined ? {} : { [what]: amount };
}

const suffixes: Readonly<Record<string, number>> = {
  '': 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** A Kubernetes quantity of memory or storage in whole bytes; undefined for forms nobody writes (exponents). */
export function quantityBytes(quantity: string | number): number | undefined {
  const [, digits, suffix = ''] = /^([0-9]+(?:\.[0-9]+)?)([A-Za-z]*)$/.exec(`${quantity}`) ?? [];
  const factor = suffixes[suffix];
  return digits === undefined || factor === undefined
    ? undefined
    : Math.floor(Number(digits) * factor);
}
