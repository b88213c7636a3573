// Writes terms of any depth with a stack of its own: tuples, lists, maps, closures, native records (protocol section 5.2).
// It is also what says where in a term the thing stands that cannot be encoded. Invariant: no duplicate keys go out.
import { ArgumentError, LimitError } from '../errors.js';
import { Atom, internAtom } from '../term/atom.js';
import { InternalFun } from '../term/fun.js';
import { ImproperList } from '../term/list.js';
import { NativeRecord } from '../term/record.js';
import type { Term } from '../term/term.js';
import { TupleOf } from '../term/tuple.js';
import { closeInternalFun, openInternalFun } from './funs.js';
import { duplicateKey, sortEntries } from './maps.js';
import { openRecord } from './records.js';
import { LARGE_TUPLE_EXT, LIST_EXT, MAP_EXT, NIL_EXT, SMALL_TUPLE_EXT, STRING_EXT } from './tags.js';
import { type Refusal, type Writer, writeLeaf } from './write-leaf.js';

interface Frame {
  readonly kind: 'tuple' | 'list' | 'improper list' | 'map' | 'object' | 'fun' | 'record';
  /** The value itself, to recognise it when it contains itself. */
  readonly of: object;
  readonly values: readonly Term[];
  /** Where its tag stands, from the start of the output. */
  readonly opened: number;
  next: number;
}

const MAX_TUPLE = 2 ** 24 - 1;
/** From this depth on, and at each doubling, the stack is searched for a value that contains itself. */
const CYCLE_CHECK = 1024;
/** Steps of a path that an error shows. */
const SHOWN = 20;

/** Writes `term` at `pos` and answers the next position. @throws ArgumentError `not_encodable`, LimitError */
export function writeDeep(writer: Writer, term: Term, pos: number, deterministic: boolean): number {
  const stack: Frame[] = [];
  const { scattered } = writer;
  let cycleCheck = CYCLE_CHECK;
  let next = term;
  for (;;) {
    const end = writeLeaf(writer, next, pos);
    if (typeof end === 'number') pos = end;
    else if (end !== undefined) throw refuse(stack, end);
    else {
      const opened = pos - writer.sink.start;
      const frame = openFrame(writer, stack, next as object, opened, deterministic);
      pos = writeHead(writer, stack, frame, pos);
      // The size of a closure counts everything in it.
      if (frame.kind === 'fun') writer.scattered = undefined;
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
      if (top.next < top.values.length) {
        next = top.values[top.next];
        top.next++;
        break;
      }
      pos = writeEnd(writer, stack, top, pos);
      stack.pop();
      if (top.kind === 'fun' && !stack.some(({ kind }) => kind === 'fun')) writer.scattered = scattered;
    }
  }
}

function openFrame(
  writer: Writer,
  stack: readonly Frame[],
  term: object,
  opened: number,
  deterministic: boolean,
): Frame {
  if (term instanceof TupleOf) {
    return { kind: 'tuple', of: term, values: term.elements as readonly Term[], opened, next: 0 };
  }
  if (Array.isArray(term))
    return { kind: 'list', of: term, values: listValues(term as readonly Term[]), opened, next: 0 };
  if (term instanceof ImproperList) {
    return { kind: 'improper list', of: term, values: [...term.elements, term.tail], opened, next: 0 };
  }
  if (term instanceof Map) {
    const entries: Term[] = [];
    for (const [key, value] of term as ReadonlyMap<Term, Term>) entries.push(key, value);
    return { kind: 'map', of: term, values: sorted(entries, deterministic), opened, next: 0 };
  }
  if (term instanceof InternalFun) return { kind: 'fun', of: term, values: term.free, opened, next: 0 };
  if (term instanceof NativeRecord) return { kind: 'record', of: term, values: term.values, opened, next: 0 };
  if (isPlain(term)) {
    const entries = writer.stringKeys ? stringEntries(term) : atomEntries(stack, term);
    return { kind: 'object', of: term, values: sorted(entries, deterministic), opened, next: 0 };
  }
  const name = (Object.getPrototypeOf(term) as { constructor?: { name?: unknown } } | null)?.constructor?.name;
  throw refuse(stack, typeof name === 'string' && name !== '' ? `an instance of ${name}` : 'an object of some class');
}

/** A list of bytes goes out in one piece, with no values left to write. */
function listValues(values: readonly Term[]): readonly Term[] {
  return isString(values) ? [] : values;
}

function isString(values: readonly Term[]): boolean {
  if (values.length === 0 || values.length > 65535) return false;
  for (const value of values) {
    if (typeof value === 'number' ? !(value >= 0 && value <= 255 && (value | 0) === value) : !isByte(value))
      return false;
  }
  return true;
}

function isByte(value: Term): boolean {
  return typeof value === 'bigint' && value >= 0n && value <= 255n;
}

function stringEntries(term: object): Term[] {
  const entries: Term[] = [];
  for (const [key, value] of Object.entries(term)) entries.push(key, value as Term);
  return entries;
}

function atomEntries(stack: readonly Frame[], term: object): Term[] {
  const entries: Term[] = [];
  for (const [key, value] of Object.entries(term)) {
    try {
      entries.push(internAtom(key), value as Term);
    } catch (cause) {
      const why = cause instanceof ArgumentError ? cause.message : 'it is no atom';
      throw refuse(stack, `an object with a key that cannot be an atom (${why})`);
    }
  }
  return entries;
}

function sorted(entries: Term[], deterministic: boolean): readonly Term[] {
  return deterministic ? sortEntries(entries) : entries;
}

/** Objects of `{}` and `Object.create(null)`, of any realm; instances of classes are no maps. */
function isPlain(term: object): boolean {
  const prototype = Object.getPrototypeOf(term) as object | null;
  if (prototype === null || prototype === Object.prototype) return true;
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf');
}

function writeHead(writer: Writer, stack: readonly Frame[], frame: Frame, pos: number): number {
  const { sink } = writer;
  const count = frame.values.length;
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
      if (count > 255) throw refuse(stack, `a fun of ${count} free variables (at most 255)`);
      if (fun.uniq.length !== 16) throw refuse(stack, `a fun with a uniq of ${fun.uniq.length} bytes (must be 16)`);
      return openInternalFun(sink, fun, pos, writer.atom);
    }
    case 'record':
      return openRecord(sink, frame.of as NativeRecord, pos, writer.atom);
  }
}

function head(writer: Writer, tag: number, count: number, pos: number): number {
  writer.sink.view.setUint8(pos, tag);
  writer.sink.view.setUint32(pos + 1, count);
  return pos + 5;
}

function writeByteList(writer: Writer, bytes: readonly (number | bigint)[], pos: number): number {
  const { sink } = writer;
  pos = sink.room(pos, 3 + bytes.length);
  sink.view.setUint8(pos, STRING_EXT);
  sink.view.setUint16(pos + 1, bytes.length);
  pos += 3;
  for (const byte of bytes) sink.buffer[pos++] = Number(byte);
  return pos;
}

function writeEnd(writer: Writer, stack: readonly Frame[], frame: Frame, pos: number): number {
  switch (frame.kind) {
    case 'list': {
      const { length } = frame.of as readonly Term[];
      if (frame.values.length === 0 && length > 0) return pos;
      pos = writer.sink.room(pos, 1);
      writer.sink.view.setUint8(pos, NIL_EXT);
      return pos + 1;
    }
    case 'map':
    case 'object': {
      const at = frame.kind === 'map' ? duplicateKey(frame.values, writer.stringKeys) : -1;
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

/** The error for a value that no Erlang term corresponds to; the path leads from the root to it. */
function refuse(stack: readonly Frame[], what: Refusal): ArgumentError {
  const steps = stack.length <= 2 * SHOWN ? stack.map(step) : [...stack.slice(0, SHOWN).map(step), '…'];
  const path = steps.join('');
  return new ArgumentError(
    'not_encodable',
    `cannot encode ${what}${path === '' ? '' : `, at ${path.replace(/^\./, '')}`}`,
  );
}

/** How JavaScript would reach what a frame is writing. */
function step(frame: Frame): string {
  const index = frame.next - 1;
  switch (frame.kind) {
    case 'object': {
      const key = String(frame.values[index - (index % 2)]);
      return /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
    }
    case 'map': {
      if (index % 2 === 0) return `(key ${index / 2})`;
      const key = frame.values[index - 1];
      if (typeof key === 'string') return `.get(${JSON.stringify(key)})`;
      if (typeof key === 'number' || key instanceof Atom) return `.get(${key})`;
      return `(value ${(index - 1) / 2})`;
    }
    case 'improper list':
      return index === frame.values.length - 1 ? '.tail' : `[${index}]`;
    case 'fun':
      return `.free[${index}]`;
    case 'record':
      return `.values[${index}]`;
    default:
      return `[${index}]`;
  }
}
