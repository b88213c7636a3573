// An exit reason as an error's message may show it: which atoms and tuples it is built of, and nothing of its contents.
// A reason often holds the message that a process choked on, and messages of errors end up in logs.
import { Atom, quoteAtom } from '../term/atom.js';
import type { Term } from '../term/term.js';
import { Tuple } from '../term/tuple.js';

/** Tuples and lists within one another; what is deeper is `…`. */
const DEPTH = 5;
/** Elements of one tuple; a list shows its first only, since how many there are is its content. */
const WIDTH = 5;
const MAX_LENGTH = 200;

/** `{{badmatch,{login,_}},[{accounts,check,_,…},…]}`: atoms and tuples, `_` for whatever else, at most 200 characters. */
export function reasonShape(reason: Term): string {
  const shape = shapeOf(reason, DEPTH);
  return shape.length <= MAX_LENGTH ? shape : `${shape.slice(0, MAX_LENGTH - 1).toWellFormed()}…`;
}

function shapeOf(term: Term, depth: number): string {
  if (term instanceof Atom) return quoteAtom(term.text);
  if (typeof term === 'boolean' || term === undefined) return String(term);
  if (term === null) return 'nil';
  const isTuple = term instanceof Tuple;
  if (!isTuple && !Array.isArray(term)) return '_';
  const items: readonly Term[] = isTuple ? term.elements : (term as readonly Term[]);
  if (depth === 0 && items.length > 0) return '…';
  const shown = items.slice(0, isTuple ? WIDTH : 1).map((item) => shapeOf(item, depth - 1));
  if (shown.length < items.length) shown.push('…');
  return isTuple ? `{${shown.join(',')}}` : `[${shown.join(',')}]`;
}
