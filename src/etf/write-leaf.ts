// One term that has no terms in it (protocol section 5.2), and what the writers of all terms share.
import type { Atom } from '../term/atom.js';
import { Atom as AtomClass } from '../term/atom.js';
import { BitString } from '../term/bitstring.js';
import { Float } from '../term/float.js';
import { ExternalFun } from '../term/fun.js';
import { Pid, Port, Reference } from '../term/identifiers.js';
import type { Term } from '../term/term.js';
import { FALSE, NIL, TRUE, UNDEFINED } from './atoms.js';
import { bitStringFlaw, writeBinary, writeBinaryHead, writeBitString, writeString } from './binaries.js';
import { writeFloat, writeFloatText } from './floats.js';
import { isArity, writeExternalFun } from './funs.js';
import {
  pidFlaw,
  portFlaw,
  referenceFlaw,
  type WriteAtom,
  writePid,
  writePort,
  writeReference,
} from './identifiers.js';
import type { Identities } from './identity.js';
import { bigintSize, writeBigint, writeInteger } from './integers.js';
import type { CodecLimits } from './limits.js';
import { isBytes } from './raw-buffer.js';
import type { Refusal } from './refusal.js';
import type { Sink } from './sink.js';
import type { Keys } from './write-keys.js';

/** What a writer of terms works with. */
export interface Writer {
  readonly sink: Sink;
  readonly atom: WriteAtom;
  readonly textFloats: boolean;
  readonly stringKeys: boolean;
  readonly keys: Keys;
  readonly limits: Required<CodecLimits>;
  /** Atoms go out as they are kept: UTF-8, no atom cache. */
  plainAtoms: boolean;
  /** So do the keys of objects. */
  plainKeys: boolean;
  /** Whether writers may be generated for the shapes of objects. */
  readonly generateCode: boolean;
  /** Levels that the quick way may go down. */
  readonly quickDepth: number;
  /** When set, large binaries are not copied but put here. */
  scattered: Scattered[] | undefined;
  /** Of the keys of all maps of one term; made when a map has several compound ones. */
  identities: Identities | undefined;
  /** A second result of functions that have one. */
  reached: number;
}

/** A binary that stands between two bytes of the output; `at` counts from the output's start. */
export interface Scattered {
  readonly at: number;
  readonly bytes: Uint8Array;
  /** What was announced; the memory of the binary may be taken away later. */
  readonly size: number;
}

/** Binaries from this size on are worth a piece of their own. */
const SCATTERED_SIZE = 16 * 1024;

/** A binary, or only its head when its bytes can stay where they are. */
export function writeBytes(writer: Writer, bytes: Uint8Array, pos: number): number {
  const { sink, scattered } = writer;
  if (scattered === undefined || bytes.length < SCATTERED_SIZE) return writeBinary(sink, bytes, pos);
  pos = writeBinaryHead(sink, bytes.length, pos);
  scattered.push({ at: pos - sink.start, bytes, size: bytes.length });
  return pos;
}

/** Writes a leaf and answers the new position; `undefined` for a container, a {@link Refusal} for no term at all. */
export function writeLeaf(writer: Writer, term: Term, pos: number): number | Refusal | undefined {
  const { sink } = writer;
  switch (typeof term) {
    case 'number':
      if (Math.trunc(term) === term) return Number.isFinite(term) ? writeInteger(sink, term, pos) : noFloat(term);
      if (Number.isNaN(term)) return noFloat(term);
      return writer.textFloats ? writeFloatText(sink, term, pos) : writeFloat(sink, term, pos);
    case 'string': {
      const end = writeString(sink, term, pos);
      return end < 0 ? 'a string with a lone surrogate, which UTF-8 does not have' : end;
    }
    case 'boolean':
      return writer.atom(term ? TRUE : FALSE, pos);
    case 'undefined':
      return writer.atom(UNDEFINED, pos);
    case 'bigint':
      if (bigintSize(term) <= writer.limits.integerSize) return writeBigint(sink, term, pos);
      return `an integer of more than ${writer.limits.integerSize} bytes`;
    case 'object':
      if (term === null) return writer.atom(NIL, pos);
      return writeObject(writer, term, pos);
    default:
      return `a ${typeof term}`;
  }
}

function noFloat(value: number): Refusal {
  return `${value}, which Erlang does not have`;
}

function writeObject(writer: Writer, term: object, pos: number): number | Refusal | undefined {
  const { sink, atom } = writer;
  if (term instanceof AtomClass) return atom(term as Atom, pos);
  if (isBytes(term)) return writeBytes(writer, term, pos);
  if (term instanceof Float) {
    if (!Number.isFinite(term.value)) return noFloat(term.value);
    return writer.textFloats ? writeFloatText(sink, term.value, pos) : writeFloat(sink, term.value, pos);
  }
  if (term instanceof Pid) return pidFlaw(term) ?? writePid(sink, term, pos, atom);
  if (term instanceof Reference) return referenceFlaw(term) ?? writeReference(sink, term, pos, atom);
  if (term instanceof BitString) return bitStringFlaw(term) ?? writeBitString(sink, term, pos);
  if (term instanceof Port) return portFlaw(term) ?? writePort(sink, term, pos, atom);
  if (term instanceof ExternalFun) {
    return isArity(term.arity)
      ? writeExternalFun(sink, term, pos, atom)
      : `a fun of arity ${String(term.arity)} (0 to 255)`;
  }
  return undefined;
}
