import { unusableTokenKey } from '../../resources/consistency-secret.ts';
import type { Part } from './observe.ts';
import { verdict, type Check } from './stage-check.ts';

/** Pods with such a key end as soon as they start; those that run have read another. */
export const tokenKeyInvalid: Check = ({ observed }) => {
  const { consistency } = observed.secrets;
  if (consistency.state === 'absent') return undefined;
  const problem = unusableTokenKey(consistency.live.data);
  return problem === undefined ? undefined : verdict('False', 'TokenKeyInvalid', problem);
};

/** The same where no pod of a part is left that has read another. */
export const tokenKeyStops =
  (part: Part): Check =>
  (input) =>
    (input.observed.workloads[part]?.ready ?? 0) > 0 ? undefined : tokenKeyInvalid(input);
