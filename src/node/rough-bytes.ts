// About how much memory a signal holds on to while it waits for a connection. Not exact: what is to be found out is
// whether a queue holds kilobytes or hundreds of megabytes, without looking at every element of it.
import type { Signal } from '../process/signal.js';
import { ImproperList } from '../term/list.js';
import type { Term } from '../term/term.js';
import { TupleOf } from '../term/tuple.js';

/** Terms that are looked at; the elements of a longer list count as small ones. */
const LOOKED_AT = 200;
/** A number, an atom, a place in a list. */
const SMALL = 8;
/** The signal itself. */
const OVERHEAD = 100;

export function roughBytes(signal: Signal): number {
  const open: Term[] = [];
  if ('message' in signal) open.push(signal.message);
  if ('reason' in signal) open.push(signal.reason);
  if ('args' in signal) open.push(signal.args);
  let bytes = OVERHEAD;
  let left = LOOKED_AT;
  const look = (inner: Iterable<Term>, count: number): void => {
    bytes += count * SMALL;
    for (const term of inner) {
      if (--left < 0) return;
      open.push(term);
    }
  };
  for (let term = open.pop(); open.length > 0 || term !== undefined; term = open.pop()) {
    if (typeof term === 'string') bytes += term.length;
    else if (term instanceof Uint8Array) bytes += term.byteLength;
    else if (term instanceof TupleOf || term instanceof ImproperList) look(term.elements, term.elements.length);
    else if (Array.isArray(term)) look(term as readonly Term[], term.length);
    else if (term instanceof Map) {
      look(term.keys() as Iterable<Term>, term.size);
      look(term.values() as Iterable<Term>, term.size);
    } else if (isPlain(term)) {
      const values = Object.values(term);
      look(values, 2 * values.length);
    }
  }
  return bytes;
}

/** An object that is a map with atoms as keys, and not an atom, a pid or the like. */
function isPlain(term: Term): term is Readonly<Record<string, Term>> {
  if (typeof term !== 'object' || term === null) return false;
  const prototype: unknown = Object.getPrototypeOf(term);
  return prototype === null || prototype === Object.prototype;
}
