// Writes terms of any depth with a stack of its own: tuples, lists, maps, closures, native records (protocol section 5.2).
// It is also what says where in a term the thing stands that cannot be encoded. Invariant: no duplicate keys go out, and
// what a head has counted is what follows, whatever a getter does in between.
import { ArgumentError, LimitError } from '../errors.js';
import { internAtom } from '../term/atom.js';
import { KeyOrder } from '../term/compare.js';
import { InternalFun } from '../term/fun.js';
import { ImproperList } from '../term/list.js';
import { NativeRecord } from '../term/record.js';
import type { Term } from '../term/term.js';
import { TupleOf } from '../term/tuple.js';
import { closeInternalFun, funFlaw, openInternalFun } from './funs.js';
import { Identities } from './identity.js';
import { duplicateKey, sortEntries } from './maps.js';
import { openRecord, recordFlaw } from './records.js';
import { describeInstance, explain, refuse, type Step } from './refusal.js';
import { LARGE_TUPLE_EXT, LIST_EXT, MAP_EXT, NIL_EXT, SMALL_TUPLE_EXT, STRING_EXT } from './tags.js';
import { type Writer, writeLeaf } from './write-leaf.js';

interface Frame extends Step {
  /** The value itself, to recognise it when it contains itself. */
  readonly of: object;
  /** How many values there were when it was opened: they may be another number by now. */
  readonly count: number;
  /** Where its tag stands, from the start of the output. */
  readonly opened: number;
  next: number;
}

/** One term being written. */
interface Run {
  readonly writer: Writer;
  readonly stack: Frame[];
  /** The order of keys, when they are to be sorted. */
  readonly order: KeyOrder | undefined;
  readonly identities: Identities;
}

const MAX_TUPLE = 2 ** 24 - 1;
const MAX_LIST = 2 ** 32 - 1;
/** From this depth on, and at each doubling, the stack is searched for a value that contains itself. */
const CYCLE_CHECK = 1024;

/** Writes `term` at `pos` and answers the next position. @throws ArgumentError `not_encodable`, LimitError */
export function writeDeep(writer: Writer, term: Term, pos: number, deterministic: boolean): number {
  const order = deterministic ? new KeyOrder() : undefined;
  const run: Run = { writer, stack: [], order, identities: new Identities(writer.stringKeys) };
  const { scattered } = writer;
  try {
    return write(run, term, pos);
  } catch (error) {
    throw explain(run.stack, error);
  } finally {
    writer.scattered = scattered;
  }
}

function write(run: Run, term: Term, pos: number): number {
  const { stack, writer } = run;
  const { scattered } = writer;
  let cycleCheck = CYCLE_CHECK;
  let openFuns = 0;
  let next = term;
  for (;;) {
    const end = writeLeaf(writer, next, pos);
    if (typeof end === 'number') pos = end;
    else if (end !== undefined) throw refuse(stack, end);
    else {
      const frame = openFrame(run, next as object, pos - writer.sink.start);
      pos = writeHead(writer, stack, frame, pos);
      // The size of a closure counts everything in it.
      if (frame.kind === 'fun' && ++openFuns === 1) writer.scattered = undefined;
      stack.push(frame);
      if (stack.length > cycleCheck) {
        refuseCycle(stack);
        cycleCheck *= 2;
      }
      if (stack.length > writer.limits.depth) {
        throw new LimitError('too_deep', 'levels of nesting', writer.limits.depth, stack.length);
      }
    }
    for (;;) {
      const top = stack.at(-1);
      if (top === undefined) return pos;
      if (top.next < top.count) {
        next = top.values[top.next++];
        break;
      }
      pos = writeEnd(run, top, pos);
      stack.pop();
      if (top.kind === 'fun' && --openFuns === 0) writer.scattered = scattered;
    }
  }
}

function openFrame(run: Run, term: object, opened: number): Frame {
  if (term instanceof TupleOf) return frame('tuple', term, term.elements as readonly Term[], opened);
  if (Array.isArray(term)) {
    const values = term as readonly Term[];
    const { length } = values;
    // Only a proxy says something else.
    if (!(Number.isInteger(length) && length >= 0 && length <= MAX_LIST)) {
      throw refuse(run.stack, `an array of length ${String(length).slice(0, 30)}`);
    }
    return frame('list', term, isString(values) ? [] : values, opened);
  }
  if (term instanceof ImproperList) return frame('improper list', term, [...term.elements, term.tail], opened);
  if (term instanceof Map) {
    const entries: Term[] = [];
    // Not what a subclass says: a key may be there once only.
    for (const [key, value] of Map.prototype.entries.call(term)) entries.push(key as Term, value as Term);
    return frame('map', term, sorted(run, entries), opened);
  }
  if (term instanceof InternalFun) return frame('fun', term, term.free, opened);
  if (term instanceof NativeRecord) return frame('record', term, term.values, opened);
  if (isPlain(term)) return frame('object', term, sorted(run, objectEntries(run, term)), opened);
  throw refuse(run.stack, describeInstance(term));
}

function frame(kind: Frame['kind'], of: object, values: readonly Term[], opened: number): Frame {
  return { kind, of, values, count: values.length, opened, next: 0 };
}

/** Whether a list is of bytes: it goes out in one piece, with no values left to write. */
function isString(values: readonly Term[]): boolean {
  if (values.length === 0 || values.length > 65535) return false;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (typeof value === 'number' ? !(value >= 0 && value <= 255 && (value | 0) === value) : !isByte(value))
      return false;
  }
  return true;
}

function isByte(value: Term): boolean {
  return typeof value === 'bigint' && value >= 0n && value <= 255n;
}

function objectEntries({ writer, stack }: Run, term: object): Term[] {
  const entries: Term[] = [];
  for (const key of Object.keys(term)) {
    let name: Term = key;
    if (!writer.stringKeys) {
      try {
        name = internAtom(key);
      } catch (cause) {
        const why = cause instanceof ArgumentError ? cause.message : 'it is no atom';
        throw refuse(stack, `an object with a key that cannot be an atom (${why})`);
      }
    }
    try {
      entries.push(name, (term as { readonly [key: string]: Term })[key]);
    } catch (thrown) {
      throw explain([...stack, { kind: 'object', values: [name, undefined], next: 2 }], thrown);
    }
  }
  return entries;
}

function sorted({ order }: Run, entries: Term[]): readonly Term[] {
  return order === undefined ? entries : sortEntries(entries, order);
}

/** Objects of `{}` and `Object.create(null)`, of any realm; instances of classes are no maps. */
function isPlain(term: object): boolean {
  const prototype = Object.getPrototypeOf(term) as object | null;
  if (prototype === null || prototype === Object.prototype) return true;
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf');
}

function writeHead(writer: Writer, stack: readonly Frame[], frame: Frame, pos: number): number {
  const { sink } = writer;
  const { count } = frame;
  pos = sink.room(pos, 8);
  switch (frame.kind) {
    case 'tuple':
      if (count <= 255) {
        sink.view.setUint8(pos, SMALL_TUPLE_EXT);
        sink.view.setUint8(pos + 1, count);
        return pos + 2;
      }
      if (count > MAX_TUPLE) throw new LimitError('term_too_large', 'elements of a tuple', MAX_TUPLE, count);
      return head(writer, LARGE_TUPLE_EXT, count, pos);
    case 'list': {
      if (count > 0) return head(writer, LIST_EXT, count, pos);
      const bytes = frame.of as readonly (number | bigint)[];
      return bytes.length === 0 ? pos : writeByteList(writer, bytes, pos);
    }
    case 'improper list':
      return count === 1 ? pos : head(writer, LIST_EXT, count - 1, pos);
    case 'map':
    case 'object':
      return head(writer, MAP_EXT, count / 2, pos);
    case 'fun': {
      const fun = frame.of as InternalFun;
      const flaw = funFlaw(fun);
      if (flaw !== undefined) throw refuse(stack, flaw);
      return openInternalFun(sink, fun, pos, writer.atom);
    }
    case 'record': {
      const flaw = recordFlaw(frame.of as NativeRecord);
      if (flaw !== undefined) throw refuse(stack, flaw);
      return openRecord(sink, frame.of as NativeRecord, pos, writer.atom);
    }
  }
}

function head(writer: Writer, tag: number, count: number, pos: number): number {
  writer.sink.view.setUint8(pos, tag);
  writer.sink.view.setUint32(pos + 1, count);
  return pos + 5;
}

function writeByteList(writer: Writer, bytes: readonly (number | bigint)[], pos: number): number {
  const { sink } = writer;
  const { length } = bytes;
  pos = sink.room(pos, 3 + length);
  sink.view.setUint8(pos, STRING_EXT);
  sink.view.setUint16(pos + 1, length);
  pos += 3;
  for (let i = 0; i < length; i++) sink.buffer[pos + i] = Number(bytes[i]);
  return pos + length;
}

function writeEnd({ identities, stack, writer }: Run, frame: Frame, pos: number): number {
  switch (frame.kind) {
    case 'list': {
      // A string has no values and is complete; so is a list that was empty when its tag was written.
      if (frame.count === 0 && pos > writer.sink.start + frame.opened) return pos;
      pos = writer.sink.room(pos, 1);
      writer.sink.view.setUint8(pos, NIL_EXT);
      return pos + 1;
    }
    case 'map':
    case 'object': {
      const at = frame.kind === 'map' ? duplicateKey(frame.values, identities) : -1;
      if (at >= 0) throw refuse(stack.slice(0, -1), 'a map with two keys that are one term in Erlang');
      return pos;
    }
    case 'fun':
      closeInternalFun(writer.sink, frame.opened, pos);
      return pos;
    default:
      return pos;
  }
}

function refuseCycle(stack: readonly Frame[]): void {
  const seen = new Set<object>();
  for (const [level, { of }] of stack.entries()) {
    if (seen.has(of)) throw refuse(stack.slice(0, level), 'a value that contains itself');
    seen.add(of);
  }
}
