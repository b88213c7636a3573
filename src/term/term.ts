// The union of everything that can be sent. One Erlang term has one representation here; docs/TERMS.md is the table.
import type { Atom } from './atom.js';
import type { BitString } from './bitstring.js';
import type { Float } from './float.js';
import type { ExternalFun, InternalFun } from './fun.js';
import type { Pid, Port, Reference } from './identifiers.js';
import type { ImproperList } from './list.js';
import type { NativeRecord } from './record.js';
import type { TupleOf } from './tuple.js';

export type Term =
  | number
  | bigint
  | boolean
  | null
  | undefined
  | string
  | Uint8Array
  | Atom
  | Float
  | BitString
  | Pid
  | Port
  | Reference
  | ExternalFun
  | InternalFun
  | NativeRecord
  | TupleOf
  | ImproperList
  | readonly Term[]
  | ReadonlyMap<Term, Term>
  | { readonly [key: string]: Term };
