// Maps from entries in which a key may come more than once, as in Erlang text: the later entry counts.
import { Atom } from './atom.js';
import { KeyOrder } from './compare.js';
import type { Term } from './term.js';

/** The map of `[key, value, key, value …]`, its entries in the order in which their keys first came. */
export function mapFromPairs(pairs: readonly Term[], order: KeyOrder = new KeyOrder()): Map<Term, Term> {
  const map = new Map<Term, Term>();
  const firstOf = firstPlaces(pairs, order);
  for (let i = 0; i < pairs.length; i += 2) map.set(firstOf.get(i) ?? pairs[i], pairs[i + 1]);
  return map;
}

/** For keys that JavaScript takes for different although they are `=:=`: the first of them, by place. */
function firstPlaces(pairs: readonly Term[], order: KeyOrder): Map<number, Term> {
  const places: number[] = [];
  for (let i = 0; i < pairs.length; i += 2) if (!isOneValue(pairs[i])) places.push(i);
  const firsts = new Map<number, Term>();
  if (places.length < 2) return firsts;
  places.sort((a, b) => order.compare(pairs[a], pairs[b]));
  let first = pairs[places[0] as number];
  for (const place of places) {
    const key = pairs[place];
    if (order.compare(first, key) === 0) firsts.set(place, first);
    else first = key;
  }
  return firsts;
}

function isOneValue(key: Term): boolean {
  return (typeof key === 'number' && Number.isSafeInteger(key)) || typeof key === 'boolean' || key instanceof Atom;
}
