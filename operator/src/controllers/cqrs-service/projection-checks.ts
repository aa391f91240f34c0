import type { Reason } from '../../api/v1alpha1/conditions.ts';
import { hasQuery } from '../../api/v1alpha1/service-kinds.ts';
import { unresolvedSources } from '../../resources/sources.ts';
import { haltReasons, projectorReasons } from './projection-reasons.ts';
import { errorOf, sentence, verdict, viewsOf, type Check } from './stage-check.ts';
import { isCaughtUp } from './stage-reading.ts';
import { unknownField } from './unknown-field.ts';

export const sourceMissing: Check = ({ service, observed }) => {
  if (!hasQuery(service)) return undefined;
  const [first] = unresolvedSources(service, observed.siblings);
  return first && verdict('False', first.reason, first.message);
};

export const fieldUnknown: Check = ({ service, observed }) => {
  if (!hasQuery(service)) return undefined;
  const found = unknownField(service, observed.siblings);
  return found === undefined ? undefined : verdict('False', 'UnknownField', found);
};

export const projectionHalted: Check = ({ observed }) => {
  const found = viewsOf(observed.readings.projector).find(({ halted }) => halted.length > 0);
  if (found === undefined) return undefined;
  const [first = ''] = found.halted;
  const code = /\bCQRS_[A-Z_]+\b/.exec(first)?.[0] ?? '';
  const reason = reasonOfHalt[code] ?? 'ProjectionHalted';
  return verdict('False', reason, `View ${found.view} halted at ${sentence(first)}`);
};

const reasonOfHalt: Readonly<Record<string, Reason>> = haltReasons;
const reasonOfError: Readonly<Record<string, Reason>> = projectorReasons;

export const keysHalted: Check = ({ observed }) => {
  const found = viewsOf(observed.readings.projector).find(({ haltedKeys }) => haltedKeys > 0);
  if (found === undefined) return undefined;
  const { view, haltedKeys, firstHaltedKey } = found;
  const keys = haltedKeys === 1 ? '1 key stands' : `${haltedKeys} keys stand`;
  const which = firstHaltedKey === null ? '' : ` The first is ${sentence(firstHaltedKey)}`;
  return verdict('False', 'KeysHalted', `${keys} still in view ${view}.${which}`);
};

export const projectorError: Check = ({ observed }) => {
  const error = errorOf(observed.readings.projector);
  if (error === undefined) return undefined;
  const reason = reasonOfError[error.code ?? ''] ?? 'ProjectionFailing';
  return verdict('False', reason, `The projector says: ${sentence(error.text)}`);
};

export const viewMissing: Check = ({ service, observed }) => {
  const known = new Set(viewsOf(observed.readings.projector).map(({ view }) => view));
  const missing = service.spec.query?.views.find(({ name }) => !known.has(name));
  return (
    missing && verdict('False', 'Starting', `The projector has not taken up view ${missing.name}.`)
  );
};

export const behind: Check = ({ observed }) => {
  const found = viewsOf(observed.readings.projector).find((view) => !isCaughtUp(view));
  return found && verdict('False', 'CatchingUp', `View ${found.view} is behind its events.`);
};
