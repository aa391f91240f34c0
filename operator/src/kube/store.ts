import { objectKey, type KubeObject } from './object.ts';

/** What happened to an object. `deleted` carries its last known state; `old` is the state before. */
export type Change<T> = {
  type: 'added' | 'updated' | 'deleted';
  object: T;
  old: T | undefined;
};

/** Names → functions that give the index values of an object. */
export type Indexers<T> = Readonly<Record<string, (object: T) => readonly string[]>>;

/** Objects by key and by index. Writers get back what changed, in order, so that handlers can be told. */
export class Store<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #indexes: ReadonlyMap<string, Index<T>>;

  constructor(indexers: Indexers<T> = {}) {
    this.#indexes = new Map(
      Object.entries(indexers).map(([name, valuesOf]) => [name, new Index(valuesOf)]),
    );
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  list(): readonly T[] {
    return [...this.#objects.values()];
  }

  /** The objects whose indexer `name` gives `value`; an unknown name is a programming error. */
  byIndex(name: string, value: string): readonly T[] {
    const index = this.#indexes.get(name);
    if (!index) throw new RangeError(`No index "${name}"`);
    return index.get(value);
  }

  /** Adds or overwrites. A new object under an old name is told as a deletion and an addition. */
  upsert(object: T): readonly Change<T>[] {
    const key = objectKey(object);
    const old = this.#objects.get(key);
    if (old?.metadata.resourceVersion === object.metadata.resourceVersion && old) return [];
    if (old && old.metadata.uid !== object.metadata.uid) {
      return [...this.remove(old), ...this.upsert(object)];
    }
    this.#objects.set(key, object);
    for (const index of this.#indexes.values()) index.move(key, old, object);
    return [{ type: old ? 'updated' : 'added', object, old }];
  }

  /** Removes by key; `last` is the final state as the server told it. */
  remove(last: T): readonly Change<T>[] {
    const key = objectKey(last);
    const old = this.#objects.get(key);
    if (!old) return [];
    this.#objects.delete(key);
    for (const index of this.#indexes.values()) index.move(key, old, undefined);
    return [{ type: 'deleted', object: last, old }];
  }

  /** Makes the content equal to `objects`; what is not among them was deleted unseen. */
  replace(objects: readonly T[]): readonly Change<T>[] {
    const kept = new Set(objects.map(objectKey));
    const gone = [...this.#objects.entries()].filter(([key]) => !kept.has(key));
    return [
      ...gone.flatMap(([, object]) => this.remove(object)),
      ...objects.flatMap((object) => this.upsert(object)),
    ];
  }
}

class Index<T> {
  readonly #valuesOf: (object: T) => readonly string[];
  readonly #members = new Map<string, Map<string, T>>();

  constructor(valuesOf: (object: T) => readonly string[]) {
    this.#valuesOf = valuesOf;
  }

  get(value: string): readonly T[] {
    return [...(this.#members.get(value)?.values() ?? [])];
  }

  move(key: string, old: T | undefined, object: T | undefined): void {
    for (const value of old ? this.#valuesOf(old) : []) {
      const members = this.#members.get(value);
      members?.delete(key);
      if (members?.size === 0) this.#members.delete(value);
    }
    if (!object) return;
    for (const value of this.#valuesOf(object)) {
      const members = this.#members.get(value) ?? new Map<string, T>();
      this.#members.set(value, members.set(key, object));
    }
  }
}
