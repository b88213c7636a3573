// Starting a process here for another node (OTP: erlang:spawn_request/5, protocol section 4.3, "Spawn"): the serving
// side, for functions that the application exposed. The reply precedes every other signal of the new process.
import { Atom, atom, internAtom } from '../term/atom.js';
import type { Term } from '../term/term.js';
import { Tuple, tuple } from '../term/tuple.js';
import { exitError } from './exit-reason.js';
import type { Process } from './process.js';
import type { ProcessTable } from './process-table.js';
import type { SpawnRequest } from './signal.js';

/** A function of this node that other nodes may run. `args` are the caller's, of any number. */
export type ExposedFunction = (self: Process, args: readonly Term[]) => unknown;

/** Finds what `Module:Function/Arity` is on this node. */
export type FindFunction = (module: string, name: string, arity: number) => ExposedFunction | undefined;

const LINK = atom('link');
const MONITOR = atom('monitor');
const UNDEF = atom('undef');
const BADARG = atom('badarg');
// What BEAM refuses itself, because it must have handled it before sending.
const REFUSED = new Set(['reply', 'reply_tag']);

/** Answers a request as a BEAM would: a function that is not exposed gives a process that ends with `undef`. */
export function serveSpawnRequest(table: ProcessTable, request: SpawnRequest, find: FindFunction): void {
  const { ref, from, groupLeader } = request;
  const wanted = readOptions(request.options);
  if (wanted === undefined) {
    table.route({ kind: 'spawnReply', ref, to: from, node: table.node, result: 'badopt', link: false, monitor: false });
    return;
  }
  const { link, monitor } = wanted;
  const parent = link ? { parent: from } : {};
  const child = table.spawn((self) => apply(self, request, find), { groupLeader, ...parent });
  table.route({ kind: 'spawnReply', ref, to: from, node: table.node, result: child.pid, link, monitor });
  if (link) table.deliver({ kind: 'link', from, to: child.pid });
  if (monitor) table.deliver({ kind: 'monitor', from, to: child.pid, ref });
}

function apply(self: Process, { module, function: name, args }: SpawnRequest, find: FindFunction): unknown {
  if (!Array.isArray(args)) throw exitError(tuple(BADARG, []), `${module}:${name} needs a list of arguments`);
  const list = args as readonly Term[];
  const run = find(module, name, list.length);
  if (run !== undefined) return run(self, list);
  throw exitError(undef(module, name, list), `${module}:${name}/${list.length} is not exposed`);
}

/** OTP's exit reason for a function that does not exist. */
export function undef(module: string, name: string, args: readonly Term[]): Tuple {
  return tuple(UNDEF, [tuple(internAtom(module), internAtom(name), args, [])]);
}

function readOptions(options: Term): { readonly link: boolean; readonly monitor: boolean } | undefined {
  if (!Array.isArray(options)) return undefined;
  let link = false;
  let monitor = false;
  for (const option of options as readonly Term[]) {
    const word = option instanceof Tuple ? option.elements[0] : option;
    if (option === LINK) link = true;
    else if (word === MONITOR) monitor = true;
    // Hints to BEAM's scheduler and garbage collector: of no meaning here.
    else if (!(word instanceof Atom) || REFUSED.has(word.text) || !(option instanceof Tuple)) return undefined;
  }
  return { link, monitor };
}
