// The quick way to read a term: recursive, down to a depth at which read-deep.ts takes over; rare containers are its
// business from the start. Invariant: every length is checked against the bytes left before it is used.
import { Atom } from '../term/atom.js';
import { ImproperList } from '../term/list.js';
import type { Term } from '../term/term.js';
import { TupleOf } from '../term/tuple.js';
import { atomTerm, readSmallAtom } from './atoms.js';
import { readText } from './binaries.js';
import { floatTerm, readFloat } from './floats.js';
import { readPid, readReference } from './identifiers.js';
import { readSmallBig, TWO32 } from './integers.js';
import { KeyLoad, MANY_KEYS } from './key-load.js';
import { checkKeys } from './maps.js';
import { readDeep, readDeepTail } from './read-deep.js';
import { readLeaf } from './read-leaf.js';
import { readObject } from './read-object.js';
import type { Source } from './source.js';
import * as tags from './tags.js';

// V8 treats a constant of this module as one, an imported one as a variable.
const INTEGER_EXT = tags.INTEGER_EXT;
const LIST_EXT = tags.LIST_EXT;
const NEW_FLOAT_EXT = tags.NEW_FLOAT_EXT;
const NIL_EXT = tags.NIL_EXT;
const SMALL_BIG_EXT = tags.SMALL_BIG_EXT;
const SMALL_ATOM_UTF8_EXT = tags.SMALL_ATOM_UTF8_EXT;
const SMALL_INTEGER_EXT = tags.SMALL_INTEGER_EXT;
const STRING_EXT = tags.STRING_EXT;

/** Longer arrays grow as their elements come: V8 makes very large ones slow when they are asked for in advance. */
const MAX_RESERVED = 1 << 20;

/** The term at the source's position, which lies `depth` levels deep. */
export function readFast(source: Source, depth: number): Term {
  const at = source.pos;
  const { bytes, end } = source;
  if (at >= end) throw source.truncated(1, 'a term');
  const tag = bytes[at] as number;
  // Literal numbers make this a jump table; tags.test.ts checks that they are what the comments say.
  switch (tag) {
    case 97: // SMALL_INTEGER_EXT
      if (end - at < 2) break;
      source.pos = at + 2;
      return bytes[at + 1];
    case 98: // INTEGER_EXT
      if (end - at < 5) break;
      source.pos = at + 5;
      return source.view.getInt32(at + 1);
    case 119: // SMALL_ATOM_UTF8_EXT
      source.pos = at + 1;
      return atomTerm(readSmallAtom(source));
    case 109: // BINARY_EXT
      return readText(source, at);
    case 106: // NIL_EXT
      source.pos = at + 1;
      return [];
    case 104: // SMALL_TUPLE_EXT
      if (depth >= source.quickDepth) return readDeep(source, depth);
      source.pos = at + 1;
      return readTuple(source, depth + 1);
    case 108: // LIST_EXT
      if (depth >= source.quickDepth) return readDeep(source, depth);
      source.pos = at + 1;
      return readList(source, depth + 1);
    case 116: // MAP_EXT
      if (depth >= source.quickDepth) return readDeep(source, depth);
      source.pos = at + 1;
      return readMap(source, at, depth + 1);
    case 107: // STRING_EXT
      source.pos = at + 1;
      return readByteList(source);
    case 70: // NEW_FLOAT_EXT
      source.pos = at + 1;
      return floatTerm(source, readFloat(source));
    case 110: // SMALL_BIG_EXT
      return readSmallBig(source);
    case 88: // NEW_PID_EXT
      source.pos = at + 1;
      return readPid(source, tag);
    case 90: // NEWER_REFERENCE_EXT
      source.pos = at + 1;
      return readReference(source, tag);
    case 105: // LARGE_TUPLE_EXT
    case 112: // NEW_FUN_EXT
    case 67: // RECORD_EXT
      return readDeep(source, depth);
    default:
  }
  source.pos = at + 1;
  return readLeaf(source, tag);
}

function readTuple(source: Source, depth: number): Term {
  const count = source.u8('the arity of SMALL_TUPLE_EXT');
  source.promise(count, 'SMALL_TUPLE_EXT');
  switch (count) {
    case 2: {
      const first = readFast(source, depth);
      return new TupleOf([first, readFast(source, depth)]);
    }
    case 3: {
      const first = readFast(source, depth);
      const second = readFast(source, depth);
      return new TupleOf([first, second, readFast(source, depth)]);
    }
    default: {
      const elements = new Array<Term>(count);
      for (let i = 0; i < count; i++) elements[i] = readFast(source, depth);
      return new TupleOf(elements);
    }
  }
}

function readList(source: Source, depth: number): Term {
  const count = source.u32('the length of LIST_EXT');
  if (count === 0) {
    // The list is its tail; a chain of such lists must not recurse.
    source.pos -= 5;
    return readDeep(source, depth - 1);
  }
  source.promise(count + 1, 'LIST_EXT');
  const tag = source.bytes[source.pos];
  if (count >= RUN && count <= MAX_RESERVED) {
    if (tag === SMALL_INTEGER_EXT || tag === INTEGER_EXT || tag === SMALL_BIG_EXT)
      return readIntegers(source, count, depth);
    if (tag === NEW_FLOAT_EXT && !(source.exactFloats || source.inKey)) return readFloats(source, count, depth);
  }
  return readElements(source, room(count), 0, count, depth);
}

/** An array for `count` elements. Short ones are quicker to make by writing them out. */
function room(count: number): Term[] {
  if (count === 1) return [undefined];
  if (count === 2) return [undefined, undefined];
  if (count === 3) return [undefined, undefined, undefined];
  return count <= MAX_RESERVED ? new Array<Term>(count) : [];
}

/** Elements from `i` on, and the tail. */
function readElements(source: Source, list: Term[], i: number, count: number, depth: number): Term {
  const { bytes, end } = source;
  for (; i < count; i++) {
    const at = source.pos;
    // Lists in lists, and numbers between them, take no detour: each call more per level is felt in deep terms.
    if (end - at >= 2 && bytes[at] === SMALL_INTEGER_EXT) {
      list[i] = bytes[at + 1];
      source.pos = at + 2;
    } else if (end - at >= 5 && bytes[at] === LIST_EXT && depth < source.quickDepth) {
      source.pos = at + 1;
      list[i] = readList(source, depth + 1);
    } else list[i] = readFast(source, depth);
  }
  const tag = source.pos < end ? bytes[source.pos] : undefined;
  if (tag === NIL_EXT) {
    source.pos++;
    return list;
  }
  if (tag === undefined || tag === LIST_EXT || tag === STRING_EXT) return readDeepTail(source, list, depth - 1);
  return new ImproperList(list, readFast(source, depth));
}

/** Shorter lists of numbers are not worth a loop of their own. */
const RUN = 4;

/** A list that begins with small integers. These loops make their arrays themselves: V8 keeps them of one kind then. */
function readIntegers(source: Source, count: number, depth: number): Term {
  const list = new Array<Term>(count);
  const { bytes, view, end } = source;
  let { pos } = source;
  let i = 0;
  // What stands so near the end that a number might not fit is for the careful way.
  for (; i < count && end - pos >= 5; i++) {
    const tag = bytes[pos];
    if (tag === SMALL_INTEGER_EXT) {
      list[i] = bytes[pos + 1];
      pos += 2;
    } else if (tag === INTEGER_EXT) {
      list[i] = view.getInt32(pos + 1);
      pos += 5;
    } else break;
  }
  source.pos = pos;
  if (i < count && pos < end && bytes[pos] === SMALL_BIG_EXT) i = readWideIntegers(source, list, i, count);
  return readElements(source, list, i, count, depth);
}

/** From the first integer of more than 32 bits on; answers where the run of integers ends. */
function readWideIntegers(source: Source, list: Term[], i: number, count: number): number {
  const { bytes, view, end } = source;
  let { pos } = source;
  // As above; here an integer takes up to eleven bytes.
  for (; i < count && end - pos >= 11; i++) {
    const tag = bytes[pos];
    if (tag === SMALL_INTEGER_EXT) {
      list[i] = bytes[pos + 1];
      pos += 2;
    } else if (tag === INTEGER_EXT) {
      list[i] = view.getInt32(pos + 1);
      pos += 5;
    } else if (tag !== SMALL_BIG_EXT) break;
    else if (bytes[pos + 1] === 5 || bytes[pos + 1] === 6) {
      // What stands behind the magnitude is cut off.
      const high = view.getInt32(pos + 7, true) & (bytes[pos + 1] === 5 ? 0xff : 0xffff);
      const magnitude = high * TWO32 + view.getUint32(pos + 3, true);
      list[i] = bytes[pos + 2] === 0 ? magnitude : 0 - magnitude;
      pos += 3 + (bytes[pos + 1] as number);
    } else {
      source.pos = pos;
      list[i] = readSmallBig(source);
      pos = source.pos;
    }
  }
  source.pos = pos;
  return i;
}

function readFloats(source: Source, count: number, depth: number): Term {
  const list = new Array<Term>(count);
  const { bytes, view, end } = source;
  let { pos } = source;
  let i = 0;
  for (; i < count && end - pos >= 9 && bytes[pos] === NEW_FLOAT_EXT; i++) {
    const value = view.getFloat64(pos + 1);
    if (value - value !== 0) break;
    list[i] = value;
    pos += 9;
  }
  source.pos = pos;
  return readElements(source, list, i, count, depth);
}

function readByteList(source: Source): Term {
  const size = source.u16('the length of STRING_EXT');
  source.promise(size, 'STRING_EXT');
  const at = source.skip(size, 'STRING_EXT');
  const { bytes } = source;
  const list = new Array<Term>(size);
  for (let i = 0; i < size; i++) list[i] = bytes[at + i];
  return list;
}

function readMap(source: Source, start: number, depth: number): Term {
  const count = source.u32('the size of MAP_EXT');
  source.promise(2 * count, 'MAP_EXT');
  if (source.objectMaps && !source.inKey) return readObject(source, count, start, depth, readFast);
  const map = new Map<Term, Term>();
  const load = count >= MANY_KEYS ? new KeyLoad(source, count) : undefined;
  let compounds = 0;
  for (let i = 0; i < count; i++) {
    const key = readKey(source, depth);
    if (typeof key === 'object' && key !== null && !(key instanceof Atom)) compounds++;
    else if (load !== undefined && (typeof key === 'number' || typeof key === 'bigint')) load.add(key);
    map.set(key, readFast(source, depth));
  }
  if (map.size !== count || compounds > 1) checkKeys(source, map, count, start);
  return map;
}

/** Nothing is lost inside a key. */
export function readKey(source: Source, depth: number): Term {
  if (source.pos < source.end && source.bytes[source.pos] === SMALL_ATOM_UTF8_EXT) {
    source.pos++;
    return atomTerm(readSmallAtom(source));
  }
  const around = source.inKey;
  source.inKey = true;
  const key = readFast(source, depth);
  source.inKey = around;
  return key;
}
