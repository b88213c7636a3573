// Which Erlang type a JavaScript value is. The numbers are Erlang's order between types (protocol section 5.5).
import { inWords } from '../arguments.js';
import { ArgumentError } from '../errors.js';
import { Atom } from './atom.js';
import { BitString } from './bitstring.js';
import { Float } from './float.js';
import { ExternalFun, InternalFun } from './fun.js';
import { Pid, Port, Reference } from './identifiers.js';
import { ImproperList } from './list.js';
import { NativeRecord } from './record.js';
import type { Term } from './term.js';
import { TupleOf } from './tuple.js';

export const NUMBER = 0;
export const ATOM = 1;
export const REFERENCE = 2;
export const FUN = 3;
export const PORT = 4;
export const PID = 5;
export const TUPLE = 6;
export const RECORD = 7;
export const MAP = 8;
export const NIL = 9;
export const LIST = 10;
export const BITSTRING = 11;

export type Kind =
  | typeof NUMBER
  | typeof ATOM
  | typeof REFERENCE
  | typeof FUN
  | typeof PORT
  | typeof PID
  | typeof TUPLE
  | typeof RECORD
  | typeof MAP
  | typeof NIL
  | typeof LIST
  | typeof BITSTRING;

/**
 * The Erlang type of a value.
 *
 * @throws ArgumentError `badarg` for what is no term: NaN, infinities, functions, symbols, instances of other classes.
 */
export function kindOf(term: Term): Kind {
  switch (typeof term) {
    case 'number':
      if (Number.isFinite(term)) return NUMBER;
      break;
    case 'bigint':
      return NUMBER;
    case 'boolean':
    case 'undefined':
      return ATOM;
    case 'string':
      return BITSTRING;
    case 'object':
      return kindOfObject(term);
    default:
  }
  throw new ArgumentError(
    'badarg',
    `expected an Erlang term, not ${typeof term === 'number' ? `${term}, which Erlang does not have` : inWords(term)}`,
  );
}

function kindOfObject(term: object | null): Kind {
  if (term === null || term instanceof Atom) return ATOM;
  if (term instanceof TupleOf) return TUPLE;
  if (Array.isArray(term)) return term.length === 0 ? NIL : LIST;
  if (term instanceof Uint8Array || term instanceof BitString) return BITSTRING;
  if (term instanceof Map) return MAP;
  if (term instanceof Pid) return PID;
  if (term instanceof Reference) return REFERENCE;
  if (term instanceof Float) return NUMBER;
  if (term instanceof ImproperList) return LIST;
  if (term instanceof ExternalFun || term instanceof InternalFun) return FUN;
  if (term instanceof Port) return PORT;
  if (term instanceof NativeRecord) return RECORD;
  const prototype: unknown = Object.getPrototypeOf(term);
  // Plain objects only, from whichever realm; not `constructor`, which may be an ordinary key.
  if (prototype === null || Object.getPrototypeOf(prototype) === null) return MAP;
  throw new ArgumentError('badarg', `expected an Erlang term, not ${inWords(term)}`);
}

/** The text of anything that {@link kindOf} calls an atom. */
export function atomText(term: Term): string {
  return term instanceof Atom ? term.text : term === null ? 'nil' : String(term);
}
