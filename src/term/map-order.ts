// The entries of maps, and the order of their keys (protocol section 5.5): what comparing two maps needs.
// Maps can be keys of maps of maps …: the innermost are put in order first, so nothing here recurses.
import { Atom, atom } from './atom.js';
import { InternalFun } from './fun.js';
import { kindOf, MAP } from './kind.js';
import { ImproperList } from './list.js';
import { NativeRecord } from './record.js';
import type { Term } from './term.js';
import { TupleOf } from './tuple.js';

/** An Erlang map in JavaScript: a Map, or a plain object whose keys are atoms. */
export type MapTerm = ReadonlyMap<Term, Term> | { readonly [key: string]: Term };

/** `values[i]` belongs to `keys[i]`. */
export interface Entries {
  readonly keys: readonly Term[];
  readonly values: readonly Term[];
}

export function mapSize(map: MapTerm): number {
  return map instanceof Map ? map.size : Object.keys(map).length;
}

/** Entries in the order in which the map holds them; an object's keys as the atoms they stand for. */
export function entriesOf(map: MapTerm): Entries {
  if (map instanceof Map)
    return { keys: [...(map.keys() as Iterable<Term>)], values: [...(map.values() as Iterable<Term>)] };
  const names = Object.keys(map);
  return {
    keys: names.map((name) => atom(name)),
    values: names.map((name) => (map as { readonly [key: string]: Term })[name]),
  };
}

/**
 * The values of both maps, paired by their keys, when JavaScript can tell that the keys are the same; `undefined` when
 * that takes a look into the keys. For maps of the same size.
 */
export function valuesByKeysOf(a: MapTerm, b: MapTerm): [readonly Term[], readonly Term[]] | undefined {
  const left: Term[] = [];
  const right: Term[] = [];
  if (a instanceof Map && b instanceof Map) {
    for (const [key, value] of a as ReadonlyMap<Term, Term>) {
      if (!isPlainKey(key) || !b.has(key)) return undefined;
      left.push(value);
      right.push((b as ReadonlyMap<Term, Term>).get(key));
    }
    return [left, right];
  }
  if (a instanceof Map || b instanceof Map) return undefined;
  for (const name of Object.keys(a)) {
    if (!Object.hasOwn(b, name)) return undefined;
    left.push((a as { readonly [key: string]: Term })[name]);
    right.push((b as { readonly [key: string]: Term })[name]);
  }
  return [left, right];
}

/** Keys that are one JavaScript value however often the term occurs. */
function isPlainKey(key: Term): boolean {
  return typeof key !== 'object' || key === null || key instanceof Atom;
}

/** The order of two keys; `known` holds the entries of every map inside them. */
type CompareKeys = (a: Term, b: Term, known: SortedEntries) => number;

/** Entries in map-key order, worked out once per map. For one comparison: maps must not change while it lives. */
export class SortedEntries {
  readonly #compareKeys: CompareKeys;
  readonly #known = new Map<MapTerm, Entries>();

  constructor(compareKeys: CompareKeys) {
    this.#compareKeys = compareKeys;
  }

  of(map: MapTerm): Entries {
    const known = this.#known.get(map);
    if (known !== undefined) return known;
    for (const inner of mapsInKeysOf(map, this.#known)) this.#sort(inner);
    return this.#sort(map);
  }

  #sort(map: MapTerm): Entries {
    const { keys, values } = entriesOf(map);
    const places = keys.map((_, place) => place).sort((a, b) => this.#compareKeys(keys[a], keys[b], this));
    const sorted = { keys: places.map((place) => keys[place]), values: places.map((place) => values[place]) };
    this.#known.set(map, sorted);
    return sorted;
  }
}

/**
 * Every map that comparing this map's keys may meet, each one after the maps that comparing its own keys may meet;
 * without those that are `known`, and what is inside them.
 */
function mapsInKeysOf(map: MapTerm, known: ReadonlyMap<MapTerm, unknown>): MapTerm[] {
  const found: MapTerm[] = [];
  const seen = new Set<object>();
  const pending: (Term | Done)[] = [];
  pushCompound(pending, entriesOf(map).keys);
  while (pending.length > 0) {
    const next = pending.pop();
    if (next instanceof Done) found.push(next.map);
    else if (!seen.has(next as object)) {
      seen.add(next as object);
      const inner = next as Term;
      if (inner instanceof TupleOf) pushCompound(pending, inner.elements);
      else if (Array.isArray(inner)) pushCompound(pending, inner);
      else if (inner instanceof ImproperList) {
        pushCompound(pending, inner.elements);
        pushCompound(pending, [inner.tail]);
      } else if (inner instanceof InternalFun) pushCompound(pending, inner.free);
      else if (inner instanceof NativeRecord) pushCompound(pending, inner.values);
      else if (kindOf(inner) === MAP && !known.has(inner as MapTerm)) {
        const { keys, values } = entriesOf(inner as MapTerm);
        pending.push(new Done(inner as MapTerm));
        pushCompound(pending, values);
        pushCompound(pending, keys);
      }
    }
  }
  return found;
}

/** Marks the moment when everything inside a map has been looked at. */
class Done {
  readonly map: MapTerm;
  constructor(map: MapTerm) {
    this.map = map;
  }
}

function pushCompound(pending: (Term | Done)[], terms: readonly Term[]): void {
  for (const term of terms) {
    if (typeof term === 'object' && term !== null && !(term instanceof Atom || term instanceof Uint8Array)) {
      pending.push(term);
    }
  }
}
