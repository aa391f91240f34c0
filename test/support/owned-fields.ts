import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../../operator/src/kube/object.ts';

/** A tree of fields as `managedFields` holds it (FieldsV1 of Kubernetes' structured-merge-diff). */
type FieldTree = { readonly [step: string]: FieldTree };

export type FieldOwner = {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly subresource?: string;
  readonly fieldsV1?: FieldTree;
};

/** The steps to a field: `f:name` is a field, `k:{…}` the item of a list with these keys, `v:…` the item that is this. */
export type FieldPath = readonly string[];

export function ownersOf({ metadata }: KubeObject): readonly FieldOwner[] {
  return (metadata as { readonly managedFields?: readonly FieldOwner[] }).managedFields ?? [];
}

/** The paths of all leaves that one entry of `managedFields` owns. */
export function ownedLeaves({ fieldsV1 = {} }: FieldOwner): readonly FieldPath[] {
  return leavesBelow(fieldsV1, []);
}

function leavesBelow(tree: FieldTree, path: FieldPath): FieldPath[] {
  const steps = Object.entries(tree).filter(([step]) => step !== '.');
  if (steps.length === 0) return [path];
  return steps.flatMap(([step, below]) => leavesBelow(below, [...path, step]));
}

/** Where the field lies in the object now, and its value; undefined where it is not. */
export function locate(
  object: unknown,
  path: FieldPath,
): { readonly pointer: string; readonly value: unknown } | undefined {
  let [value, pointer] = [object, ''];
  for (const step of path) {
    const key = keyOf(value, step);
    if (key === undefined || !Object.hasOwn(Object(value), key)) return undefined;
    value = Reflect.get(Object(value), key);
    // RFC 6901.
    pointer += `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`;
  }
  return { pointer, value };
}

function keyOf(value: unknown, step: string): string | number | undefined {
  const [kind, text] = [step.slice(0, 1), step.slice(2)];
  if (kind === 'f') return text;
  if (!Array.isArray(value)) return undefined;
  const wanted: unknown = JSON.parse(text);
  const position = value.findIndex((item: unknown) =>
    kind === 'v'
      ? isDeepStrictEqual(item, wanted)
      : Object.entries(Object(wanted)).every(
          ([key, part]) => Reflect.get(Object(item), key) === part,
        ),
  );
  return position < 0 ? undefined : position;
}
