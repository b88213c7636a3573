// The quick way to write a term: recursive, for terms of ordinary depth and everyday types. It answers GIVE_UP for
// whatever it does not know how to write; then write-deep.ts does the whole term, or says what is wrong with it.
import { LimitError } from '../errors.js';
import { Atom } from '../term/atom.js';
import { BitString } from '../term/bitstring.js';
import { Float } from '../term/float.js';
import { ExternalFun, InternalFun } from '../term/fun.js';
import { Pid, Port, Reference } from '../term/identifiers.js';
import { ImproperList } from '../term/list.js';
import { NativeRecord } from '../term/record.js';
import type { Term } from '../term/term.js';
import { TupleOf } from '../term/tuple.js';
import { FALSE, NIL, TRUE, UNDEFINED } from './atoms.js';
import { closeInternalFun, funFlaw, openInternalFun } from './funs.js';
import { Identities } from './identity.js';
import {
  bigintSize,
  TWO32,
  writeBigint,
  writeHalves,
  writeInteger,
  writeSafeInteger,
  writeSmallBigint,
} from './integers.js';
import { duplicateKey } from './maps.js';
import { openRecord, recordFlaw } from './records.js';
import { type Sink, SLACK } from './sink.js';
import * as tags from './tags.js';
import { type Writer, writeBytes, writeLeaf } from './write-leaf.js';
import { writeObject } from './write-object.js';
import { atom, writeInt32, writeShortBytes, writeText, writeWord } from './write-short.js';

// V8 treats a constant of this module as one, an imported one as a variable.
const INTEGER_EXT = tags.INTEGER_EXT;
const LARGE_TUPLE_EXT = tags.LARGE_TUPLE_EXT;
const LIST_EXT = tags.LIST_EXT;
const MAP_EXT = tags.MAP_EXT;
const NEW_FLOAT_EXT = tags.NEW_FLOAT_EXT;
const NEW_PID_EXT = tags.NEW_PID_EXT;
const NEWER_REFERENCE_EXT = tags.NEWER_REFERENCE_EXT;
const NIL_EXT = tags.NIL_EXT;
const SMALL_INTEGER_EXT = tags.SMALL_INTEGER_EXT;
const SMALL_TUPLE_EXT = tags.SMALL_TUPLE_EXT;
const STRING_EXT = tags.STRING_EXT;

export const GIVE_UP = -1;
/** Levels that this way goes down before it gives up. */
export const QUICK_DEPTH = 1050;
const SHORT_BINARY = 32;
const PID: object = Pid.prototype;
const REFERENCE: object = Reference.prototype;
const MAP: object = Map.prototype;
const IMPROPER_LIST: object = ImproperList.prototype;
const SMALL_INTEGER_HEAD = SMALL_INTEGER_EXT << 8;
const SMALL_TUPLE_HEAD = SMALL_TUPLE_EXT << 8;

const NOTHING = {};

/** A whole term: the next position, or {@link GIVE_UP}. */
export function writeQuick(writer: Writer, term: Term, pos: number): number {
  // Something enumerable that every object inherits would look like a key of each.
  for (const _ in NOTHING) return GIVE_UP;
  try {
    return writeFast(writer, term, pos, 0);
  } catch (error) {
    // The caller's own stack may be nearly full: the other way needs next to none. And it can say where a getter threw.
    if (!(error instanceof LimitError)) return GIVE_UP;
    throw error;
  } finally {
    writer.identities = undefined;
  }
}

/** Writes `term` at `pos` and answers the next position, or {@link GIVE_UP}. */
function writeFast(writer: Writer, term: Term, pos: number, depth: number): number {
  const { sink } = writer;
  if (pos > sink.soft) pos = sink.grow(pos, SLACK);
  // Not a switch: V8 knows `typeof x === '…'` without making the string.
  if (typeof term === 'number') {
    return (term | 0) === term ? writeInt32(sink.view, term, pos) : writeNumber(writer, term, pos);
  }
  if (typeof term === 'string') return writeText(sink, term, pos);
  if (typeof term === 'boolean' || term === null) return writeWord(writer, term, pos);
  if (typeof term !== 'object') {
    if (term === undefined) return atom(writer, UNDEFINED, pos);
    return typeof term === 'bigint' ? writeBig(writer, term, pos) : GIVE_UP;
  }
  return depth < writer.quickDepth ? writeCompound(writer, term, pos, depth) : GIVE_UP;
}

/** Apart from the rest, so that what is small is small enough for V8 to inline. */
function writeCompound(writer: Writer, term: object, pos: number, depth: number): number {
  const { sink } = writer;
  if (Array.isArray(term)) return writeList(writer, term as readonly Term[], pos, depth);
  if (term instanceof TupleOf) return writeTuple(writer, term.elements as readonly Term[], pos, depth);
  if (term instanceof Atom) return atom(writer, term as Atom, pos);
  const prototype = Object.getPrototypeOf(term) as object | null;
  if (prototype === Object.prototype || prototype === null) {
    return writeObject(writer, term as { readonly [key: string]: Term }, pos, depth, writeFast);
  }
  if (prototype === PID) return writePid(writer, term as Pid, pos);
  if (prototype === REFERENCE) return writeReference(writer, term as Reference, pos);
  if (prototype === IMPROPER_LIST) return writeImproper(writer, term as ImproperList, pos, depth);
  if (term instanceof Uint8Array) {
    return term.length <= SHORT_BINARY ? writeShortBytes(sink, term, pos) : writeBytes(writer, term, pos);
  }
  // A subclass may say of itself what it likes: that is looked at more closely.
  if (prototype === MAP) return writeMap(writer, term as ReadonlyMap<Term, Term>, pos, depth);
  return writeRare(writer, term, pos, depth);
}

/** A number that is no 32-bit integer. */
function writeNumber(writer: Writer, value: number, pos: number): number {
  if (Math.trunc(value) === value) {
    if (value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER) {
      return writeSafeInteger(writer.sink.view, value, pos);
    }
    return Number.isFinite(value) ? writeInteger(writer.sink, value, pos) : GIVE_UP;
  }
  if (Number.isNaN(value) || writer.textFloats) return GIVE_UP;
  writer.sink.view.setUint8(pos, NEW_FLOAT_EXT);
  writer.sink.view.setFloat64(pos + 1, value);
  return pos + 9;
}

function writeTuple(writer: Writer, elements: readonly Term[], pos: number, depth: number): number {
  const { length } = elements;
  const { sink } = writer;
  if (length <= 255) {
    sink.view.setUint16(pos, SMALL_TUPLE_HEAD | length);
    pos += 2;
  } else {
    if (length >= 2 ** 24) return GIVE_UP;
    sink.view.setUint8(pos, LARGE_TUPLE_EXT);
    sink.view.setUint32(pos + 1, length);
    pos += 5;
  }
  for (let i = 0; i < length; i++) {
    const element = elements[i];
    // What most tuples begin with.
    if (element instanceof Atom && pos <= sink.soft) pos = atom(writer, element as Atom, pos);
    else {
      pos = writeFast(writer, element, pos, depth + 1);
      if (pos < 0) return GIVE_UP;
    }
  }
  return pos;
}

function writeList(writer: Writer, list: readonly Term[], pos: number, depth: number): number {
  const { sink } = writer;
  const { length } = list;
  // Only a proxy says something else.
  if (length >>> 0 !== length) return GIVE_UP;
  if (length === 0) {
    sink.view.setUint8(pos, NIL_EXT);
    return pos + 1;
  }
  const first = list[0];
  if (mayBeByte(first) && mayBeByte(list[length - 1]) && length <= 65535) {
    const written = pos - sink.start;
    const end = writeByteList(sink, list, pos);
    if (end >= 0) return end;
    // The memory may have moved.
    pos = sink.room(sink.start + written, SLACK);
  }
  sink.view.setUint8(pos, LIST_EXT);
  sink.view.setUint32(pos + 1, length);
  pos += 5;
  let i = 0;
  if (length >= RUN && (typeof first === 'number' || typeof first === 'bigint')) {
    const whole = typeof first === 'bigint' || Math.trunc(first) === first;
    i = whole ? writeIntegers(writer, list, pos) : writeFloats(writer, list, pos);
    pos = writer.reached;
    if (whole && i < length) {
      i = writeWideIntegers(writer, list, i, pos);
      pos = writer.reached;
    }
  }
  for (; i < length; i++) {
    const value = list[i];
    if (typeof value === 'number' && (value | 0) === value && pos <= sink.soft) pos = writeInt32(sink.view, value, pos);
    else {
      // Lists in lists take no detour: each call more per level is felt in deep terms.
      pos =
        Array.isArray(value) && pos <= sink.soft && depth + 1 < writer.quickDepth
          ? writeList(writer, value as readonly Term[], pos, depth + 1)
          : writeFast(writer, value, pos, depth + 1);
      if (pos < 0) return GIVE_UP;
    }
  }
  if (pos > sink.soft) pos = sink.grow(pos, SLACK);
  sink.view.setUint8(pos, NIL_EXT);
  return pos + 1;
}

/** Shorter lists of numbers are not worth a loop of their own. */
const RUN = 4;

/**
 * Writes the 32-bit integers at the start of a list; answers how many, `writer.reached` is the position. Integers and
 * floats have a loop each, so that V8 can specialise them.
 */
function writeIntegers(writer: Writer, list: readonly Term[], pos: number): number {
  const { sink } = writer;
  const { length } = list;
  let i = 0;
  while (i < length) {
    if (pos > sink.soft) pos = sink.grow(pos, SLACK);
    const { view, soft } = sink;
    for (; i < length && pos <= soft; i++) {
      const value = list[i];
      if (typeof value !== 'number' || (value | 0) !== value) {
        writer.reached = pos;
        return i;
      }
      if ((value & 255) === value) {
        view.setUint16(pos, SMALL_INTEGER_HEAD | value);
        pos += 2;
      } else {
        view.setUint8(pos, INTEGER_EXT);
        view.setInt32(pos + 1, value);
        pos += 5;
      }
    }
  }
  writer.reached = pos;
  return i;
}

/** As writeIntegers, from the first integer of more than 32 bits on. */
function writeWideIntegers(writer: Writer, list: readonly Term[], i: number, pos: number): number {
  const { sink } = writer;
  const { length } = list;
  let { view, soft } = sink;
  for (; i < length; i++) {
    if (pos > soft) {
      pos = sink.grow(pos, SLACK);
      ({ view, soft } = sink);
    }
    const value = list[i];
    if (typeof value === 'number') {
      if ((value | 0) === value) pos = writeInt32(view, value, pos);
      else {
        const magnitude = Math.abs(value);
        if (!(magnitude <= Number.MAX_SAFE_INTEGER) || Math.trunc(magnitude) !== magnitude) break;
        pos = writeHalves(view, magnitude | 0, (magnitude / TWO32) | 0, value < 0, pos);
      }
    } else {
      const end = typeof value === 'bigint' ? writeSmallBigint(sink, value, pos) : GIVE_UP;
      if (end < 0) break;
      pos = end;
    }
  }
  writer.reached = pos;
  return i;
}

function writeFloats(writer: Writer, list: readonly Term[], pos: number): number {
  const { sink } = writer;
  const { length } = list;
  let i = 0;
  while (i < length && !writer.textFloats) {
    if (pos > sink.soft) pos = sink.grow(pos, SLACK);
    const { view, soft } = sink;
    for (; i < length && pos <= soft; i++) {
      const value = list[i];
      // Whole numbers are integers; NaN does not equal itself.
      if (typeof value !== 'number' || Math.trunc(value) === value || value - value !== 0) {
        writer.reached = pos;
        return i;
      }
      view.setUint8(pos, NEW_FLOAT_EXT);
      view.setFloat64(pos + 1, value);
      pos += 9;
    }
  }
  writer.reached = pos;
  return i;
}

function writeBig(writer: Writer, value: bigint, pos: number): number {
  const end = writeSmallBigint(writer.sink, value, pos);
  if (end >= 0) return end;
  return bigintSize(value) <= writer.limits.integerSize ? writeBigint(writer.sink, value, pos) : GIVE_UP;
}

function mayBeByte(value: Term): boolean {
  return typeof value === 'number' ? (value & 255) === value : typeof value === 'bigint';
}

/** STRING_EXT, or {@link GIVE_UP} when some element is no byte. */
function writeByteList(sink: Sink, list: readonly Term[], pos: number): number {
  const { length } = list;
  pos = sink.room(pos, length + 3);
  const { buffer, view } = sink;
  const start = pos + 3;
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    const a = list[i];
    const b = list[i + 1];
    const c = list[i + 2];
    const d = list[i + 3];
    if (typeof a !== 'number' || typeof b !== 'number' || typeof c !== 'number' || typeof d !== 'number') break;
    if ((a & 255) !== a || (b & 255) !== b || (c & 255) !== c || (d & 255) !== d) break;
    view.setInt32(start + i, (a << 24) | (b << 16) | (c << 8) | d);
  }
  for (; i < length; i++) {
    const value = list[i];
    if (typeof value === 'number' && (value & 255) === value) buffer[start + i] = value;
    else if (typeof value === 'bigint' && value >= 0n && value <= 255n) buffer[start + i] = Number(value);
    else return GIVE_UP;
  }
  view.setUint8(pos, STRING_EXT);
  view.setUint16(pos + 1, length);
  return start + length;
}

function writeMap(writer: Writer, map: ReadonlyMap<Term, Term>, pos: number, depth: number): number {
  const { sink } = writer;
  sink.view.setUint8(pos, MAP_EXT);
  const { size } = map;
  sink.view.setUint32(pos + 1, size);
  pos += 5;
  let risky = false;
  let count = 0;
  for (const [key, value] of map) {
    count++;
    if (typeof key === 'bigint' || (typeof key === 'object' && !(key instanceof Atom))) risky = true;
    else if (key === TRUE || key === FALSE || key === UNDEFINED || key === NIL) risky = true;
    pos = writeFast(writer, key, pos, depth + 1);
    if (pos < 0) return GIVE_UP;
    pos = writeFast(writer, value, pos, depth + 1);
    if (pos < 0) return GIVE_UP;
  }
  // A getter may have changed the map.
  if (count !== size) return GIVE_UP;
  if (!risky || size < 2) return pos;
  const entries: Term[] = [];
  for (const [key, value] of map) entries.push(key, value);
  writer.identities ??= new Identities(writer.stringKeys);
  return duplicateKey(entries, writer.identities) < 0 ? pos : GIVE_UP;
}

function writePid(writer: Writer, pid: Pid, pos: number): number {
  const { sink } = writer;
  const { creation, id, serial } = pid;
  if (sink.smallIdentifiers || id >>> 0 !== id || serial >>> 0 !== serial || creation >>> 0 !== creation)
    return GIVE_UP;
  sink.view.setUint8(pos, NEW_PID_EXT);
  pos = sink.room(atom(writer, pid.nodeAtom, pos + 1), 12);
  const { view } = sink;
  view.setUint32(pos, id);
  view.setUint32(pos + 4, serial);
  view.setUint32(pos + 8, creation);
  return pos + 12;
}

function writeReference(writer: Writer, reference: Reference, pos: number): number {
  const { sink } = writer;
  const { creation, words } = reference;
  const { length } = words;
  if (length > 5 || sink.smallIdentifiers || creation >>> 0 !== creation) return GIVE_UP;
  sink.view.setUint8(pos, NEWER_REFERENCE_EXT);
  sink.view.setUint16(pos + 1, length);
  pos = sink.room(atom(writer, reference.nodeAtom, pos + 3), 24);
  const { view } = sink;
  view.setUint32(pos, creation);
  pos += 4;
  for (let i = 0; i < length; i++, pos += 4) {
    const word = words[i] as number;
    if (word >>> 0 !== word) return GIVE_UP;
    view.setUint32(pos, word);
  }
  return pos;
}

function writeRare(writer: Writer, term: object, pos: number, depth: number): number {
  if (term instanceof InternalFun) {
    if (funFlaw(term) !== undefined) return GIVE_UP;
    // Its size counts everything in it, so nothing of it is scattered: the other way sees to that.
    if (writer.scattered !== undefined) return GIVE_UP;
    const opened = pos - writer.sink.start;
    pos = writeAll(writer, term.free, openInternalFun(writer.sink, term, pos, writer.atom), depth);
    if (pos >= 0) closeInternalFun(writer.sink, opened, pos);
    return pos;
  }
  if (term instanceof NativeRecord) {
    if (recordFlaw(term) !== undefined) return GIVE_UP;
    return writeAll(writer, term.values, openRecord(writer.sink, term, pos, writer.atom), depth);
  }
  if (!(term instanceof Float || term instanceof BitString || term instanceof Port || term instanceof ExternalFun)) {
    return GIVE_UP;
  }
  const end = writeLeaf(writer, term, pos);
  return typeof end === 'number' ? end : GIVE_UP;
}

function writeImproper(writer: Writer, list: ImproperList, pos: number, depth: number): number {
  const { length } = list.elements;
  if (length > 0) {
    writer.sink.view.setUint8(pos, LIST_EXT);
    writer.sink.view.setUint32(pos + 1, length);
    pos = writeAll(writer, list.elements, pos + 5, depth);
  }
  return pos < 0 ? GIVE_UP : writeFast(writer, list.tail, pos, depth + 1);
}

function writeAll(writer: Writer, terms: readonly Term[], pos: number, depth: number): number {
  for (const term of terms) {
    pos = writeFast(writer, term, pos, depth + 1);
    if (pos < 0) return GIVE_UP;
  }
  return pos;
}
