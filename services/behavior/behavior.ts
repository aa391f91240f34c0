/**
 * What a module exports that decides the commands of one aggregate: `decide`, `evolve` and, better with than without,
 * `commands`. Types only, so an `import type` of this file leaves nothing to be found where the module runs.
 *
 * Both functions must be pure and return at once, without a promise: a command that lost against another writer is
 * decided again on the newer state, and so is one whose neighbor brought the thread down. Events and states are stored
 * as JSON and come back as JSON.
 */
export type Behavior<State, Commands, Events> = {
  readonly decide: Decide<State, Commands, Events>;
  readonly evolve: Evolve<State, Events>;
  readonly commands?: CommandSchemas<Commands>;
};

/**
 * The events that a command causes on this state, none when nothing is to change, or why it may not. The state is null
 * before the first event and after a deletion; otherwise it is what `evolve` made, with the aggregate's `id` among it.
 */
export type Decide<State, Commands, Events> = (
  command: Command<Commands>,
  state: Readonly<State> | null,
) => readonly Event<Events>[] | Refused;

/** The state after an event, null when it deletes the aggregate. It must fit the aggregate's schema after every event. */
export type Evolve<State, Events> = (
  state: Readonly<State> | null,
  event: Event<Events>,
) => State | null;

/**
 * A JSON Schema (2020-12) for the data of each command. A command that is not listed is answered with 404, data that do
 * not fit with 400 and pointers; neither reaches `decide`. Without this export every name reaches it, and for one that
 * it does not know it returns undefined.
 */
export type CommandSchemas<Commands> = {
  readonly [Name in keyof Commands & string]: { readonly [keyword: string]: unknown };
};

/** A command as it was sent; `Commands` maps each name to its data: `{ place: { total: number } }`. */
export type Command<Commands> = {
  readonly [Name in keyof Commands & string]: {
    /** In kebab-case, as in `POST /order/o1/place`. */
    readonly name: Name;
    readonly data: Readonly<Commands[Name]>;
    /** The aggregate's. */
    readonly id: string;
    /** When the command was received (RFC 3339, UTC); the same however often it is decided. */
    readonly now: string;
  };
}[keyof Commands & string];

/** `Events` maps each type to its data: `{ placed: { total: number } }` is the event `order.placed` in Kafka. */
export type Event<Events> = {
  readonly [Type in keyof Events & string]: {
    /** In kebab-case, without the aggregate's name. */
    readonly type: Type;
    readonly data: Readonly<Events[Type]>;
  };
}[keyof Events & string];

/** The domain's no: the problem's `detail` of a 422. */
export type Refused = { readonly refused: string };
