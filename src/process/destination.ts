// Whom a program sends to, as it may say it: by pid, by name here or on another node, by alias.

import { inWords } from '../arguments.js';
import { ArgumentError } from '../errors.js';
import { Atom } from '../term/atom.js';
import { Pid, Reference } from '../term/identifiers.js';
import type { RegisteredName } from './signal.js';

/** Whom to send to: a pid, a name on this node, a name on another, or an alias. */
export type Destination =
  | Pid
  | string
  | Atom
  | { readonly name: string | Atom; readonly node: string | Atom }
  | Reference;

/** Where the signals for `to` go, from a process of `node`. @throws ArgumentError `badarg` for what is no destination. */
export function addressOf(to: Destination, node: string): Pid | RegisteredName | Reference {
  if (to instanceof Pid || to instanceof Reference) return to;
  if (typeof to === 'string') return { name: to, node };
  if (to instanceof Atom) return { name: to.text, node };
  if (typeof to === 'object' && to !== null && isName(to.name) && isName(to.node)) {
    return { name: String(to.name), node: String(to.node) };
  }
  const wanted = 'a destination is a pid, a name, { name, node } or an alias reference';
  throw new ArgumentError('badarg', `${wanted}, not ${inWords(to)}`);
}

function isName(value: unknown): boolean {
  return typeof value === 'string' || value instanceof Atom;
}
