// MAP_EXT: its entries become a Map or, with `maps: 'object'`, a null-prototype object (protocol sections 5.1 and 5.5).
// Keys are identities: two that are `=:=` are refused in both directions, two that differ never become one.
import { Buffer, isUtf8 } from 'node:buffer';
import { Atom } from '../term/atom.js';
import type { KeyOrder } from '../term/compare.js';
import type { Term } from '../term/term.js';
import { atomTerm } from './atoms.js';
import { Identities } from './identity.js';
import { KeyLoad, MANY_KEYS } from './key-load.js';
import { bare } from './read-shapes.js';
import type { Source } from './source.js';
import { LONGEST_KEY } from './utf8.js';

/** The map of `entries` (key, value, key, value …) whose tag stands at `start`. */
export function makeMap(source: Source, entries: readonly Term[], start: number): Term {
  if (source.objectMaps && !source.inKey) {
    const object = makeObject(entries);
    if (object !== undefined) return object;
  }
  const map = new Map<Term, Term>();
  const load = entries.length >= 2 * MANY_KEYS ? new KeyLoad(source, entries.length / 2) : undefined;
  let compounds = 0;
  for (let i = 0; i < entries.length; i += 2) {
    const key = entries[i];
    if (typeof key === 'object' && key !== null && !(key instanceof Atom)) compounds++;
    else if (load !== undefined && (typeof key === 'number' || typeof key === 'bigint')) load.add(key);
    map.set(key, entries[i + 1]);
  }
  if (map.size * 2 !== entries.length || compounds > 1) checkKeys(source, map, entries.length / 2, start);
  return map;
}

/** Refuses the map that was made of `count` entries when two of its keys are one term. */
export function checkKeys(source: Source, map: ReadonlyMap<Term, Term>, count: number, start: number): void {
  if (map.size !== count) throw source.error('duplicate_key', 'a map with one key twice', start);
  const compounds: object[] = [];
  for (const key of map.keys()) {
    if (typeof key === 'object' && key !== null && !(key instanceof Atom)) compounds.push(key);
  }
  if (compounds.length <= FEW && compounds.every((key) => key instanceof Uint8Array)) {
    if (hasTwin(compounds as Uint8Array[])) throw source.error('duplicate_key', 'a map with one key twice', start);
    return;
  }
  const identities = source.identities ?? new Identities();
  source.identities = identities;
  const seen = new Set<number>();
  for (const key of compounds) {
    const id = identities.of(key as Term);
    if (seen.has(id)) throw source.error('duplicate_key', 'a map with one key twice', start);
    seen.add(id);
  }
}

/** So few binaries are quicker compared with each other than looked up. */
const FEW = 32;

function hasTwin(keys: readonly Uint8Array[]): boolean {
  for (let i = 1; i < keys.length; i++) {
    const key = keys[i] as Uint8Array;
    for (let j = 0; j < i; j++) {
      const other = keys[j] as Uint8Array;
      if (key.length === other.length && key[0] === other[0] && Buffer.compare(key, other) === 0) return true;
    }
  }
  return false;
}

/** `undefined` when a key is no atom and no string, or when two keys would get one name. */
function makeObject(entries: readonly Term[]): Term | undefined {
  const object = bare();
  for (let i = 0; i < entries.length; i += 2) {
    const name = nameOf(entries[i]);
    if (name === undefined || name in object) return undefined;
    object[name] = entries[i + 1];
  }
  return object;
}

/** What a key is called as a property; `undefined` when it is no atom and no short string. */
export function nameOf(key: Term): string | undefined {
  switch (typeof key) {
    case 'string':
      return key;
    case 'boolean':
    case 'undefined':
      return String(key);
    case 'object':
      if (key === null) return 'nil';
      if (key instanceof Atom) return key.text;
      if (key instanceof Uint8Array && key.length <= LONGEST_KEY && isUtf8(key))
        return new TextDecoder('utf-8', { ignoreBOM: true }).decode(key);
      return undefined;
    default:
      return undefined;
  }
}

/**
 * The first of the keys in `entries` that another one equals, as its index; -1 when all differ. `identities` are those of
 * the whole term: with new ones for each map, maps nested as keys would be looked at again on every level.
 */
export function duplicateKey(entries: readonly Term[], identities: Identities): number {
  let risky = false;
  for (let i = 0; i < entries.length && !risky; i += 2) {
    const key = entries[i];
    // A Map tells these apart although they may be one term; numbers, strings and atoms it tells apart rightly.
    risky =
      key instanceof Atom
        ? atomTerm(key) !== key
        : typeof key === 'bigint' || (typeof key === 'object' && key !== null);
  }
  if (!risky || entries.length <= 2) return -1;
  const seen = new Set<number>();
  for (let i = 0; i < entries.length; i += 2) {
    const id = identities.of(entries[i]);
    if (seen.has(id)) return i;
    seen.add(id);
  }
  return -1;
}

/** The entries in OTP's order of map keys: what `deterministic` writes. */
export function sortEntries(entries: readonly Term[], order: KeyOrder): Term[] {
  const places: number[] = [];
  for (let i = 0; i < entries.length; i += 2) places.push(i);
  places.sort((a, b) => order.compare(entries[a], entries[b]));
  const sorted: Term[] = [];
  for (const i of places) sorted.push(entries[i], entries[i + 1]);
  return sorted;
}
