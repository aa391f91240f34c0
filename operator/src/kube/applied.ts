import { hash } from 'node:crypto';
import type { KubeObject } from './object.ts';

/**
 * Lists that server-side apply merges by key instead of replacing them whole, in the built-in kinds. Their items are
 * looked up by these fields, and items of other writers between ours are no drift. A list that is not named here is
 * compared item by item at equal length.
 */
const mergeKeys: Readonly<Record<string, readonly string[]>> = {
  containers: ['name'],
  initContainers: ['name'],
  volumes: ['name'],
  env: ['name'],
  imagePullSecrets: ['name'],
  volumeMounts: ['mountPath'],
  volumeDevices: ['devicePath'],
  ports: ['containerPort', 'port', 'protocol'],
  hostAliases: ['ip'],
  topologySpreadConstraints: ['topologyKey', 'whenUnsatisfiable'],
  conditions: ['type'],
  ownerReferences: ['uid'],
};

/** Lists that are sets of plain values. */
const setLists = new Set(['finalizers']);

/** Fields whose children are quantities, and fields that are one: the server rewrites `1000m` as `1`. */
const quantityParents = new Set(['requests', 'limits', 'capacity', 'hard']);
const quantityFields = new Set(['sizeLimit', 'averageValue', 'divisor']);

type Place = { field: string; parent: string };

/**
 * Whether applying `desired` again would change nothing, judged without the server. The hash of the last applied body,
 * kept in the annotation `hashAnnotation`, must be that of `desired`: so a field that is no longer sent is noticed. And
 * `desired` must be contained in `live`: so a change by anyone else of a field that is ours is noticed. Fields of others
 * do not count. A wrong "no" costs one request that changes nothing; there is no wrong "yes" but for a list that this
 * file merges and the kind's schema replaces.
 */
export function isApplied(
  desired: KubeObject,
  live: KubeObject | undefined,
  hashAnnotation: string,
  bodyHashOfDesired: string = bodyHash(desired),
): boolean {
  return (
    live !== undefined &&
    lastWrite(live, hashAnnotation)?.hash === bodyHashOfDesired &&
    isContained(desired, live)
  );
}

/** How an object was last written by us, and the hash of the body that was sent. */
export type Write = { readonly way: 'create' | 'apply'; readonly hash: string };

const createdMark = 'created-';

/** What the annotation says of our last write; undefined when it is not there, or was taken away. */
export function lastWrite(live: KubeObject, hashAnnotation: string): Write | undefined {
  const note = live.metadata.annotations?.[hashAnnotation];
  if (note === undefined) return undefined;
  return note.startsWith(createdMark)
    ? { way: 'create', hash: note.slice(createdMark.length) }
    : { way: 'apply', hash: note };
}

/** The body to send, with an annotation that `lastWrite` reads back. */
export function noted(desired: KubeObject, hashAnnotation: string, write: Write): KubeObject {
  const note = write.way === 'create' ? createdMark + write.hash : write.hash;
  const { metadata } = desired;
  const annotations = { ...metadata.annotations, [hashAnnotation]: note };
  return { ...desired, metadata: { ...metadata, annotations } };
}

/** Whether an apply changed the object, by the resource versions before and after. */
export function changedByApply(before: KubeObject | undefined, after: KubeObject): boolean {
  return before?.metadata.resourceVersion !== after.metadata.resourceVersion;
}

/** Whether every field of `desired` is in `live` with the same meaning. */
export function isContained(desired: unknown, live: unknown): boolean {
  return contains(desired, live, { field: '', parent: '' });
}

/** 16 hex digits over the body with its keys in order, so that building it in another order changes nothing. */
export function bodyHash(body: unknown): string {
  // In a list, because on its own `undefined` has no JSON.
  return hash('sha256', JSON.stringify([inOrder(body)])).slice(0, 16);
}

/** The fields of `live` that `desired` names, in `desired`'s shape: what the server made of them. */
export function projection(desired: unknown, live: unknown, place: Place = root): unknown {
  if (Array.isArray(desired)) {
    if (!Array.isArray(live)) return live;
    const pairs = pairItems(desired, live, place);
    if (!pairs) return live;
    return pairs.map(([item, match]) => projection(item, match, place));
  }
  if (!isRecord(desired) || !isRecord(live)) return live;
  return Object.fromEntries(
    Object.entries(desired).map(([field, value]) => [
      field,
      projection(value, live[field], { field, parent: place.field }),
    ]),
  );
}

const root: Place = { field: '', parent: '' };

function contains(desired: unknown, live: unknown, place: Place): boolean {
  // What JSON leaves out is not sent and so not ours; null is sent where nothing may be.
  if (desired === undefined) return true;
  if (desired === null) return live === undefined || live === null;
  if (Array.isArray(desired)) {
    const pairs = Array.isArray(live) ? pairItems(desired, live, place) : undefined;
    return pairs !== undefined && pairs.every(([item, match]) => contains(item, match, place));
  }
  if (isRecord(desired)) {
    return (
      isRecord(live) &&
      Object.entries(desired).every(([field, value]) =>
        contains(value, live[field], { field, parent: place.field }),
      )
    );
  }
  return desired === live || (isQuantityPlace(place) && isSameQuantity(desired, live));
}

/** Each desired item with its counterpart in live; undefined when the list as a whole differs. */
function pairItems(
  desired: readonly unknown[],
  live: readonly unknown[],
  { field }: Place,
): (readonly [unknown, unknown])[] | undefined {
  if (setLists.has(field)) return desired.map((item) => [item, live.find((one) => one === item)]);
  const keys = mergeKeys[field];
  if (keys && desired.every(isRecord)) {
    return desired.map((item) => [item, live.find((one) => sameKeys(item, one, keys))]);
  }
  if (desired.length !== live.length) return undefined;
  return desired.map((item, position) => [item, live[position]]);
}

function sameKeys(item: Json, candidate: unknown, keys: readonly string[]): boolean {
  const present = keys.filter((key) => item[key] !== undefined);
  return isRecord(candidate) && present.every((key) => item[key] === candidate[key]);
}

type Json = Readonly<Record<string, unknown>>;

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isQuantityPlace({ field, parent }: Place): boolean {
  return quantityParents.has(parent) || quantityFields.has(field);
}

const suffixes: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

function isSameQuantity(one: unknown, other: unknown): boolean {
  const [a, b] = [quantityValue(one), quantityValue(other)];
  return a !== undefined && b !== undefined && Math.abs(a - b) <= 1e-9 * Math.max(a, b);
}

function quantityValue(quantity: unknown): number | undefined {
  const parts = /^(\d+(?:\.\d*)?)(?:e(\d+)|([a-zA-Z]{0,2}))$/.exec(String(quantity));
  const factor = suffixes[parts?.[3] ?? ''];
  if (!parts || factor === undefined) return undefined;
  return Number(parts[1]) * 10 ** Number(parts[2] ?? 0) * factor;
}

// A replacer in JSON.stringify would do the same in twice the time.
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (!isRecord(value)) return value;
  const fields = Object.keys(value).toSorted();
  return Object.fromEntries(fields.map((field) => [field, inOrder(value[field])]));
}
