// Tuples: a class around an array and not an array, so that `Array.isArray` answers "is it a list?" truthfully.
// Why this shape: docs/decisions/0002-tuple.md (an Array subclass is mistaken for a list and slow to destructure).
import type { Term } from './term.js';

/** The behaviour of every tuple; {@link Tuple} adds the elements' types by position. */
export class TupleOf<Elements extends readonly Term[] = readonly Term[]> {
  readonly [index: number]: Elements[number];

  /** The elements as an array: the fast way in for hot loops. Never changed after construction. */
  readonly elements: Readonly<Elements>;

  /** @internal Use {@link tuple}. */
  constructor(elements: Readonly<Elements>) {
    this.elements = elements;
  }

  get length(): Elements['length'] {
    return this.elements.length;
  }

  /** The element at `index`, from the end when negative (`Array.prototype.at`). */
  at(index: number): Term {
    return this.elements.at(index);
  }

  [Symbol.iterator](): ArrayIterator<Elements[number]> {
    return this.elements[Symbol.iterator]() as ArrayIterator<Elements[number]>;
  }
}

// `t[0]` … `t[254]`: getters on the prototype (a SMALL_TUPLE_EXT has at most 255 elements). Longer tuples are rare
// enough for a proxy each.
const INDEXED = 255;
for (let index = 0; index < INDEXED; index++) {
  Object.defineProperty(TupleOf.prototype, index, {
    get(this: TupleOf): Term {
      return this.elements[index];
    },
  });
}

const beyondIndexed: ProxyHandler<TupleOf> = {
  get(target, key, receiver) {
    if (typeof key === 'string' && /^(?:0|[1-9]\d*)$/.test(key)) return target.elements[Number(key)];
    return Reflect.get(target, key, receiver);
  },
};

/** An Erlang tuple: indexable, iterable, destructurable, immutable. `Tuple<[Atom<'ok'>, number]>` knows its elements. */
export type Tuple<Elements extends readonly Term[] = readonly Term[]> = TupleOf<Elements> & {
  readonly [Index in keyof Elements as Index extends `${number}` | number ? Index : never]: Elements[Index];
};

/** For `value instanceof Tuple`; build with {@link tuple}. */
export const Tuple: typeof TupleOf = TupleOf;

/** `tuple(atom('ok'), 1)` is `{ok, 1}`. */
export function tuple<const Elements extends readonly Term[]>(...elements: Elements): Tuple<Elements> {
  return tupleFrom(elements);
}

/** A tuple of the elements of `elements`, which the tuple takes over: do not change the array afterwards. */
export function tupleFrom<const Elements extends readonly Term[]>(elements: Elements): Tuple<Elements> {
  const made = new TupleOf(elements);
  return (elements.length <= INDEXED ? made : new Proxy<TupleOf>(made, beyondIndexed)) as Tuple<Elements>;
}
