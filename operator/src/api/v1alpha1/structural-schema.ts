import { Type, type TSchema } from 'typebox';

/** A CEL rule as the apiserver takes it: `rule` sees the value as `self` (and the old one as `oldSelf`). */
export type ValidationRule = {
  readonly rule: string;
  readonly message: string;
};

/** The schema option that carries CEL rules; the apiserver answers with `message` when one is false. */
export function validations(...rules: readonly ValidationRule[]): {
  readonly 'x-kubernetes-validations': readonly ValidationRule[];
} {
  return { 'x-kubernetes-validations': rules };
}

/**
 * An object whose every field has a default: `{}` is its own default, so that leaving the object out fills
 * it in. The apiserver sets defaults from the outside in, therefore each level has to say so.
 */
export const filledIn = { default: {} } as const;

/** A string that is one of the values; typebox would write a union, which no structural schema may hold. */
export function oneOf<const Value extends string>(
  values: readonly Value[],
  options: { readonly default: Value; readonly description: string },
): ReturnType<typeof Type.Unsafe<Value>> {
  return Type.Unsafe<Value>({ type: 'string', enum: values, ...options });
}

/** A list whose items are told apart by one field, so that server-side apply merges them and refuses twins. */
export function listBy(
  key: string,
  itemsMax: number,
): {
  readonly maxItems: number;
  readonly 'x-kubernetes-list-type': 'map';
  readonly 'x-kubernetes-list-map-keys': readonly string[];
} {
  return {
    maxItems: itemsMax,
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': [key],
  };
}

/** A list that one writer owns as a whole. */
export function wholeList(itemsMax: number): {
  readonly maxItems: number;
  readonly 'x-kubernetes-list-type': 'atomic';
} {
  return { maxItems: itemsMax, 'x-kubernetes-list-type': 'atomic' };
}

/** A plain JSON copy of a typebox schema, where a field that has a default is not required of the user. */
export function structural(schema: TSchema): StructuralSchema {
  return withoutDefaultedRequired(JSON.parse(JSON.stringify(schema)) as StructuralSchema);
}

/** An OpenAPI v3 schema in the form a CustomResourceDefinition takes. */
export type StructuralSchema = {
  readonly type?: string;
  readonly default?: unknown;
  readonly required?: readonly string[];
  readonly properties?: { readonly [name: string]: StructuralSchema };
  readonly items?: StructuralSchema;
  readonly [keyword: string]: unknown;
};

function withoutDefaultedRequired(schema: StructuralSchema): StructuralSchema {
  const { required, properties, items, ...rest } = schema;
  const asked = required?.filter((name) => properties?.[name]?.default === undefined) ?? [];
  return {
    ...rest,
    ...(asked.length > 0 && { required: asked }),
    ...(properties !== undefined && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([name, field]) => [name, withoutDefaultedRequired(field)]),
      ),
    }),
    ...(items !== undefined && { items: withoutDefaultedRequired(items) }),
  };
}
