// Processes started across nodes (protocol section 4.3, "Spawn"): served for functions that the application exposed,
// and requested. The reply precedes every other signal of the new process.
import { ArgumentError, type ExitError } from '../errors.js';
import { Atom, atom, internAtom } from '../term/atom.js';
import type { Pid, Reference } from '../term/identifiers.js';
import type { Term } from '../term/term.js';
import { Tuple, tuple } from '../term/tuple.js';
import { exitError } from './exit-reason.js';
import type { LocalNode } from './local-node.js';
import type { Process } from './process.js';
import type { ProcessState } from './process-state.js';
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

/** Answers a request as a BEAM would: any function that is not exposed gives a process that ends with `undef`. */
export function serveSpawnRequest(table: ProcessTable, request: SpawnRequest, find: FindFunction): void {
  const { ref, from, groupLeader } = request;
  const wanted = readOptions(request.options);
  if (wanted === undefined) {
    table.route({ kind: 'spawnReply', ref, to: from, result: 'badopt', link: false, monitor: false });
    return;
  }
  const child = table.spawn((self) => apply(self, request, find), { groupLeader });
  const { link, monitor } = wanted;
  table.route({ kind: 'spawnReply', ref, to: from, result: child.pid, link, monitor });
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
export function undef(module: string, name: string, args: readonly Term[]): Term {
  return tuple(UNDEF, [tuple(internAtom(module), internAtom(name), args, [])]);
}

function readOptions(options: Term): { link: boolean; monitor: boolean } | undefined {
  if (!Array.isArray(options)) return undefined;
  let link = false;
  let monitor = false;
  for (const option of options as readonly Term[]) {
    const word = option instanceof Tuple ? option.elements[0] : option;
    if (option === LINK) link = true;
    else if (word === MONITOR) monitor = true;
    else if (!(word instanceof Atom) || REFUSED.has(word.text) || !(option instanceof Tuple)) return undefined;
  }
  return { link, monitor };
}

/** What {@link requestSpawn} asks for. */
export interface RemoteFunction {
  readonly node: string;
  readonly module: string;
  readonly function: string;
  readonly args: readonly Term[];
}

/** Told how a spawn request went, and of the end of a process that was asked for with a monitor. */
export interface SpawnListener {
  onSpawned?(pid: Pid): void;
  onFailed(error: ExitError): void;
  /** The process ended: its DOWN. Without it, DOWN is a message as ever. */
  onDown?(reason: Term): void;
}

/**
 * OTP: `spawn_request`. The reference stands for the request, and for the monitor if there is one.
 *
 * @returns the reference; {@link abandonSpawn} takes it.
 */
export function requestSpawn(
  self: ProcessState,
  table: LocalNode,
  what: RemoteFunction,
  options: { readonly link?: boolean; readonly monitor?: boolean },
  listener: SpawnListener,
): Reference {
  if (self.exited) throw new ArgumentError('badarg', `${self.pid} has ended and cannot spawn`);
  const ref = table.makeReference();
  table.related(self, what.node);
  table.spawning.set(ref.key, {
    ref,
    process: self,
    node: what.node,
    onReply(reply) {
      table.spawning.delete(ref.key);
      if (typeof reply.result === 'string') {
        listener.onFailed(exitError(atom(reply.result), `spawn of ${what.module}:${what.function} on ${what.node}`));
        return;
      }
      const pid = reply.result;
      if (self.exited) {
        if (reply.link) table.route({ kind: 'linkExit', from: self.pid, to: pid, reason: self.exitError().reason });
        if (reply.monitor) table.route({ kind: 'demonitor', from: self.pid, to: pid, ref });
        return;
      }
      if (reply.link) self.relations.linked(pid);
      if (reply.monitor) {
        const onDown = listener.onDown;
        self.relations.monitors.set(ref.key, {
          ref,
          target: pid,
          ...(onDown === undefined ? {} : { onDown: (reason) => onDown.call(listener, reason as Term) }),
        });
      }
      listener.onSpawned?.(pid);
    },
  });
  const wanted = [...(options.monitor === true ? [MONITOR] : []), ...(options.link === true ? [LINK] : [])];
  table.route({
    kind: 'spawnRequest',
    ref,
    from: self.pid,
    groupLeader: self.groupLeader,
    node: what.node,
    module: what.module,
    function: what.function,
    args: what.args,
    options: wanted,
  });
  return ref;
}

/** Nobody waits any more: the monitor is taken back, now or as soon as there is one. */
export function abandonSpawn(self: ProcessState, table: LocalNode, ref: Reference): void {
  const pending = table.spawning.get(ref.key);
  if (pending !== undefined) {
    table.spawning.set(ref.key, {
      ...pending,
      onReply(reply) {
        table.spawning.delete(ref.key);
        if (typeof reply.result !== 'string' && reply.monitor) {
          table.route({ kind: 'demonitor', from: self.pid, to: reply.result, ref });
        }
      },
    });
    return;
  }
  const monitor = self.relations.monitors.get(ref.key);
  if (monitor === undefined) return;
  self.relations.monitors.delete(ref.key);
  table.route({ kind: 'demonitor', from: self.pid, to: monitor.target, ref });
}
