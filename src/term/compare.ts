// Erlang's order of terms and its two equalities (protocol section 5.5).
// Iterative: as deep and as large as a term may be, it never overflows the stack.
import { Buffer } from 'node:buffer';
import type { Atom } from './atom.js';
import { BitString } from './bitstring.js';
import { Float } from './float.js';
import { ExternalFun, type InternalFun } from './fun.js';
import type { Pid, Port, Reference } from './identifiers.js';
import {
  ATOM,
  atomText,
  BITSTRING,
  FUN,
  kindOf,
  LIST,
  MAP,
  NIL,
  NUMBER,
  PID,
  PORT,
  RECORD,
  REFERENCE,
  TUPLE,
} from './kind.js';
import { ImproperList } from './list.js';
import { type Entries, type MapTerm, mapSize, SortedEntries, valuesByKeysOf } from './map-order.js';
import type { NativeRecord } from './record.js';
import type { Term } from './term.js';
import type { TupleOf } from './tuple.js';

export type Ordering = -1 | 0 | 1;

/**
 * Erlang's term order, as `<`, `==` and `lists:sort/1` see it: integers and floats by value, so `compare(1, float(1))`
 * is 0. `terms.sort(compare)` is `lists:sort/1`, except that JavaScript puts `undefined` last without asking.
 *
 * @throws ArgumentError `badarg` when it meets something that is no term.
 */
export function compare(a: Term, b: Term): Ordering {
  return order(a, b, BY_VALUE, undefined);
}

/**
 * The order of map keys: as {@link compare}, but integers come before floats, and -0.0 before 0.0; 0 only for terms
 * that are `=:=`.
 *
 * @throws ArgumentError `badarg` when it meets something that is no term.
 */
export function compareExact(a: Term, b: Term): Ordering {
  return order(a, b, EXACT, undefined);
}

/**
 * @internal {@link compareExact} for the keys of all maps of one term: what it learns of maps inside keys it keeps, so that
 * maps nested as keys cost no more than their size. The terms must not change while it lives.
 */
export class KeyOrder {
  readonly #sorted = new SortedEntries((a, b, all) => order(a, b, EXACT, all));

  compare(a: Term, b: Term): Ordering {
    return order(a, b, EXACT, this.#sorted);
  }
}

/**
 * Erlang's `=:=` of OTP 27 and later: `1` and `1.0` differ, `0.0` and `-0.0` differ, a string equals the binary of its
 * UTF-8 bytes, a plain object the map with the same atoms as keys.
 *
 * @throws ArgumentError `badarg` when it meets something that is no term.
 */
export function equals(a: Term, b: Term): boolean {
  return order(a, b, SAME, undefined) === 0;
}

const BY_VALUE = 0;
const EXACT = 1;
/** Only "0 or not" counts, so anything unequal may end the comparison at once. */
const SAME = 2;
type Mode = typeof BY_VALUE | typeof EXACT | typeof SAME;

/** Two sequences that are being compared element by element; `after` is the answer when all of them are equal. */
interface Frame {
  readonly xs: readonly Term[];
  readonly ys: readonly Term[];
  at: number;
  readonly end: number;
  readonly mode: Mode;
  readonly after: Ordering;
  readonly below: Frame | undefined;
}

function order(a: Term, b: Term, startMode: Mode, known: SortedEntries | undefined): Ordering {
  let x = a;
  let y = b;
  let mode = startMode;
  let sorted = known;
  let frame: Frame | undefined;

  for (;;) {
    if (x !== y) {
      let result: Ordering = 0;
      const kind = kindOf(x);
      const other = kindOf(y);
      if (kind !== other) return kind < other ? -1 : 1;
      switch (kind) {
        case ATOM:
          result = compareText(atomText(x), atomText(y));
          break;
        case NUMBER:
          result = compareNumbers(x as AnyNumber, y as AnyNumber, mode);
          break;
        case BITSTRING:
          result = compareBits(x as Bits, y as Bits);
          break;
        case NIL:
          break;
        case TUPLE: {
          const xs = (x as TupleOf).elements;
          const ys = (y as TupleOf).elements;
          if (xs.length !== ys.length) return sign(xs.length - ys.length);
          frame = sequence(xs, ys, mode, 0, frame);
          break;
        }
        case LIST: {
          const xs = x instanceof ImproperList ? x.elements : (x as readonly Term[]);
          const ys = y instanceof ImproperList ? y.elements : (y as readonly Term[]);
          const tails = [restOf(x, xs, ys.length), restOf(y, ys, xs.length)] as const;
          if (mode === SAME && xs.length !== ys.length) return 1;
          // What is left of each list once the other one has ended, compared as terms: only its type can count here,
          // unless both ended.
          if (xs.length === ys.length && tails[0] !== tails[1])
            frame = sequence([tails[0]], [tails[1]], mode, 0, frame);
          const left = kindOf(tails[0]);
          const right = kindOf(tails[1]);
          frame = sequence(xs, ys, mode, xs.length === ys.length ? 0 : sign(left - right), frame);
          break;
        }
        case MAP: {
          const size = mapSize(x as MapTerm);
          if (size !== mapSize(y as MapTerm)) return sign(size - mapSize(y as MapTerm));
          if (size === 0) break;
          const pairs = mode === SAME ? valuesByKeysOf(x as MapTerm, y as MapTerm) : undefined;
          if (pairs !== undefined) {
            frame = sequence(pairs[0], pairs[1], mode, 0, frame);
            break;
          }
          sorted ??= new SortedEntries((one, two, all) => order(one, two, EXACT, all));
          const left: Entries = sorted.of(x as MapTerm);
          const right: Entries = sorted.of(y as MapTerm);
          frame = sequence(left.values, right.values, mode, 0, frame);
          if (mode === BY_VALUE) mode = EXACT;
          frame = sequence(left.keys, right.keys, mode, 0, frame);
          break;
        }
        case PID:
          result = comparePids(x as Pid, y as Pid);
          break;
        case PORT:
          result = comparePorts(x as Port, y as Port);
          break;
        case REFERENCE:
          result = compareReferences(x as Reference, y as Reference);
          break;
        case FUN: {
          const isExternal = x instanceof ExternalFun;
          if (isExternal !== y instanceof ExternalFun) return isExternal ? 1 : -1;
          if (isExternal) result = compareExternalFuns(x as ExternalFun, y as ExternalFun);
          else {
            result = compareClosures(x as InternalFun, y as InternalFun, mode);
            frame = sequence((x as InternalFun).free, (y as InternalFun).free, mode, 0, frame);
          }
          break;
        }
        case RECORD:
          result = compareRecordHeads(x as NativeRecord, y as NativeRecord);
          frame = sequence((x as NativeRecord).values, (y as NativeRecord).values, mode, 0, frame);
          break;
      }
      if (result !== 0) return result;
    }
    while (frame !== undefined && frame.at === frame.end) {
      if (frame.after !== 0) return frame.after;
      frame = frame.below;
    }
    if (frame === undefined) return 0;
    const { at, xs, ys } = frame;
    x = xs[at];
    y = ys[at];
    mode = frame.mode;
    frame.at = at + 1;
    // A sequence with nothing left to say makes room before its last element is entered: one-element nests cost nothing.
    if (frame.at === frame.end && frame.after === 0) frame = frame.below;
  }
}

function sequence(
  xs: readonly Term[],
  ys: readonly Term[],
  mode: Mode,
  after: Ordering,
  below: Frame | undefined,
): Frame {
  return { xs, ys, at: 0, end: Math.min(xs.length, ys.length), mode, after, below };
}

function sign(difference: number): Ordering {
  return difference < 0 ? -1 : difference > 0 ? 1 : 0;
}

/** By code points: a surrogate, which UTF-16 sorts before U+E000, stands for something above the whole BMP. */
function compareText(a: string, b: string): Ordering {
  const end = Math.min(a.length, b.length);
  for (let i = 0; i < end; i++) {
    const left = a.charCodeAt(i);
    const right = b.charCodeAt(i);
    if (left === right) continue;
    const leftAbove = (left & 0xf800) === 0xd800;
    const rightAbove = (right & 0xf800) === 0xd800;
    if (leftAbove !== rightAbove) return leftAbove ? 1 : -1;
    return left < right ? -1 : 1;
  }
  return sign(a.length - b.length);
}

function compareAtoms(a: Atom, b: Atom): Ordering {
  return a === b ? 0 : compareText(a.text, b.text);
}

type AnyNumber = number | bigint | Float;

function compareNumbers(a: AnyNumber, b: AnyNumber, mode: Mode): Ordering {
  const left = a instanceof Float ? a.value : a;
  const right = b instanceof Float ? b.value : b;
  if (mode !== BY_VALUE) {
    const leftIsFloat = a instanceof Float || !(typeof a === 'bigint' || Number.isInteger(a));
    const rightIsFloat = b instanceof Float || !(typeof b === 'bigint' || Number.isInteger(b));
    if (leftIsFloat !== rightIsFloat) return leftIsFloat ? 1 : -1;
    if (leftIsFloat && left === 0 && right === 0) return sign(Number(Object.is(left, 0)) - Number(Object.is(right, 0)));
  }
  // JavaScript compares a number with a bigint by their exact values, which is OTP's rule beyond 2^53, too.
  return left < right ? -1 : left > right ? 1 : 0;
}

type Bits = string | Uint8Array | BitString;

function compareBits(a: Bits, b: Bits): Ordering {
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
  const left = bytesOf(a);
  const right = bytesOf(b);
  if (!(a instanceof BitString || b instanceof BitString)) return sign(Buffer.compare(left, right));
  const leftBits = a instanceof BitString ? a.bitLength : left.length * 8;
  const rightBits = b instanceof BitString ? b.bitLength : right.length * 8;
  const bits = Math.min(leftBits, rightBits);
  const whole = bits >>> 3;
  const order = Buffer.compare(left.subarray(0, whole), right.subarray(0, whole));
  if (order !== 0) return sign(order);
  const mask = (0xff00 >> (bits & 7)) & 0xff;
  return sign(((left[whole] ?? 0) & mask) - ((right[whole] ?? 0) & mask)) || sign(leftBits - rightBits);
}

function bytesOf(bits: Bits): Uint8Array {
  if (typeof bits === 'string') return Buffer.from(bits, 'utf8');
  return bits instanceof BitString ? bits.bytes : bits;
}

/** What stands after the elements that both lists have: the tail, or any list that is not empty for "more of them". */
function restOf(list: Term, elements: readonly Term[], common: number): Term {
  if (elements.length > common) return MORE;
  return list instanceof ImproperList ? list.tail : EMPTY;
}

const MORE: Term = [0];
const EMPTY: Term = [];

function comparePids(a: Pid, b: Pid): Ordering {
  return (
    sign(a.serial - b.serial) ||
    sign(a.id - b.id) ||
    compareAtoms(a.nodeAtom, b.nodeAtom) ||
    sign(a.creation - b.creation)
  );
}

function comparePorts(a: Port, b: Port): Ordering {
  const nodes = compareAtoms(a.nodeAtom, b.nodeAtom) || sign(a.creation - b.creation);
  return nodes || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

/** The words are one number, the last one most significant; missing words are 0. */
function compareReferences(a: Reference, b: Reference): Ordering {
  const nodes = compareAtoms(a.nodeAtom, b.nodeAtom) || sign(a.creation - b.creation);
  if (nodes !== 0) return nodes;
  for (let i = Math.max(a.words.length, b.words.length) - 1; i >= 0; i--) {
    const result = sign((a.words[i] ?? 0) - (b.words[i] ?? 0));
    if (result !== 0) return result;
  }
  return 0;
}

function compareExternalFuns(a: ExternalFun, b: ExternalFun): Ordering {
  return compareAtoms(a.module, b.module) || compareAtoms(a.function, b.function) || sign(a.arity - b.arity);
}

/** All but the free variables. The order looks at the old unique number, `=:=` at the version of the module. */
function compareClosures(a: InternalFun, b: InternalFun, mode: Mode): Ordering {
  return (
    compareAtoms(a.module, b.module) ||
    sign(a.index - b.index) ||
    (mode === SAME ? sign(a.arity - b.arity) || sign(Buffer.compare(a.uniq, b.uniq)) : sign(a.oldUniq - b.oldUniq)) ||
    sign(a.free.length - b.free.length)
  );
}

/** All but the values. */
function compareRecordHeads(a: NativeRecord, b: NativeRecord): Ordering {
  let result =
    compareAtoms(a.module, b.module) ||
    compareAtoms(a.recordName, b.recordName) ||
    sign(Number(a.exported) - Number(b.exported)) ||
    sign(a.fields.length - b.fields.length);
  for (let i = 0; result === 0 && i < a.fields.length; i++) {
    result = compareAtoms(a.fields[i] as Atom, b.fields[i] as Atom);
  }
  return result;
}
