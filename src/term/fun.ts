// Funs: we cannot run them, but we keep every field, so that a fun sent back is the same fun (protocol section 5.3).
import { ArgumentError } from '../errors.js';
import { type Atom, internAtom } from './atom.js';
import type { Pid } from './identifiers.js';
import type { Term } from './term.js';

/** `fun Module:Function/Arity`. */
export class ExternalFun {
  readonly module: Atom;
  readonly function: Atom;
  readonly arity: number;

  /** @internal Use {@link externalFun}. */
  constructor(module: Atom, name: Atom, arity: number) {
    this.module = module;
    this.function = name;
    this.arity = arity;
  }
}

/** `fun module:function/arity`. @throws ArgumentError `badarg` for an arity that is not 0 to 255. */
export function externalFun(module: string, name: string, arity: number): ExternalFun {
  if (!Number.isInteger(arity) || arity < 0 || arity > 255) {
    throw new ArgumentError('badarg', `a fun's arity is 0 to 255, not ${arity}`);
  }
  return new ExternalFun(internAtom(module), internAtom(name), arity);
}

/** A closure made on a BEAM (NEW_FUN_EXT). Only a node that has the same version of `module` can run it. */
export class InternalFun {
  readonly arity: number;
  /** MD5 of the module: 16 bytes. */
  readonly uniq: Uint8Array;
  readonly index: number;
  readonly module: Atom;
  readonly oldIndex: number;
  readonly oldUniq: number;
  /** The process that made it, or the init process of its node. */
  readonly pid: Pid;
  /** The variables it closed over. */
  readonly free: readonly Term[];

  /** @internal */
  constructor(fields: InternalFun) {
    this.arity = fields.arity;
    this.uniq = fields.uniq;
    this.index = fields.index;
    this.module = fields.module;
    this.oldIndex = fields.oldIndex;
    this.oldUniq = fields.oldUniq;
    this.pid = fields.pid;
    this.free = fields.free;
  }
}
