type State = { readonly [field: string]: unknown };

/** A field of an aggregate's state; a name that only every JavaScript object has, as `constructor`, is no field. */
export function stateField(state: State, field: string): unknown {
  return Object.hasOwn(state, field) ? state[field] : undefined;
}
