// Starting a process on another node (OTP: erlang:spawn_request/5, protocol section 4.3, "Spawn"): the asking side.
// The reference of the request is also that of the monitor, if one is asked for.

import { inWords } from '../arguments.js';
import { ArgumentError, type ExitError } from '../errors.js';
import { type Atom, atom } from '../term/atom.js';
import type { Pid, Reference } from '../term/identifiers.js';
import type { Term } from '../term/term.js';
import { nameText } from './arguments.js';
import { exitError } from './exit-reason.js';
import type { LocalNode } from './local-node.js';
import { stopMonitor } from './monitors.js';
import type { ProcessState } from './process-state.js';
import type { SpawnReply } from './signal.js';
import { Wait, type WaitOptions } from './wait.js';

/** What to run, and where. */
export interface RemoteFunction {
  readonly node: string;
  readonly module: string;
  readonly function: string;
  readonly args: readonly Term[];
}

/** @throws ArgumentError `badarg` for what cannot be a function and its arguments. */
export function remoteFunction(
  node: string,
  module: string | Atom,
  name: string | Atom,
  args: readonly Term[],
): RemoteFunction {
  if (!Array.isArray(args)) {
    throw new ArgumentError('badarg', `the arguments of a function on another node are an array, not ${inWords(args)}`);
  }
  return { node, module: nameText(module, 'the module'), function: nameText(name, 'the function'), args };
}

export interface SpawnRelations {
  /** Links the new process with the asking one. */
  readonly link?: boolean;
  /** Watches the new process; the reference is the request's. */
  readonly monitor?: boolean;
}

/** Told how a spawn request went, and of the end of a process that was asked for with a monitor. */
export interface SpawnListener {
  onSpawned?(pid: Pid, ref: Reference): void;
  onFailed(error: ExitError): void;
  /** The process ended: its DOWN. Without it, DOWN is a message as ever. */
  onDown?(reason: Term): void;
}

const ABANDONED = atom('abandoned');
const LINK = atom('link');
const MONITOR = atom('monitor');

/**
 * Asks for a process.
 *
 * @returns the reference; {@link abandonSpawn} takes it.
 * @throws ArgumentError `badarg`, `not_encodable`, with nothing left behind.
 */
export function requestSpawn(
  self: ProcessState,
  local: LocalNode,
  what: RemoteFunction,
  { link = false, monitor = false }: SpawnRelations,
  listener: SpawnListener,
): Reference {
  if (self.exited) throw new ArgumentError('badarg', `${self.pid} has ended and cannot spawn`);
  const ref = local.makeReference();
  const key = local.referenceKey(ref);
  const { node, module, function: name, args } = what;
  local.related(self, node);
  local.spawning.set(key, {
    ref,
    process: self,
    node,
    onReply(reply) {
      if (typeof reply.result === 'string') {
        const doing = `spawn of ${module}:${name} on ${node}`;
        const because = reply.result === 'noconnection' ? local.lostBecause : undefined;
        listener.onFailed(exitError(atom(reply.result), doing, because));
      } else if (self.exited) tellOrphan(self, local, ref, reply, reply.result);
      else {
        if (reply.link) self.relations.linked(local.pidKey(reply.result), reply.result);
        if (reply.monitor) watch(self, local, ref, reply.result, listener);
        listener.onSpawned?.(reply.result, ref);
      }
    },
  });
  const options = [...(monitor ? [MONITOR] : []), ...(link ? [LINK] : [])];
  const { pid: from, groupLeader } = self;
  try {
    local.route({ kind: 'spawnRequest', ref, from, groupLeader, node, module, function: name, args, options });
  } catch (error) {
    local.spawning.delete(key);
    throw error;
  }
  return ref;
}

function watch(self: ProcessState, local: LocalNode, ref: Reference, pid: Pid, listener: SpawnListener): void {
  const onDown = listener.onDown?.bind(listener);
  const told = onDown === undefined ? {} : { onDown };
  self.relations.addMonitor(local.referenceKey(ref), { ref, target: pid, ...told });
}

/** The parent ended before the reply came: the child must not keep relations with it (as BEAM does). */
function tellOrphan(self: ProcessState, local: LocalNode, ref: Reference, reply: SpawnReply, child: Pid): void {
  const from = self.pid;
  if (reply.link) local.route({ kind: 'linkExit', from, to: child, reason: self.exitError().reason });
  if (reply.monitor) local.route({ kind: 'demonitor', from, to: child, ref });
}

/**
 * Nobody waits any more: the monitor is taken back, now or as soon as there is one. A child that comes late and linked
 * ends with `abandoned`, as in OTP.
 */
export function abandonSpawn(self: ProcessState, local: LocalNode, ref: Reference): void {
  const key = local.referenceKey(ref);
  const pending = local.spawning.get(key);
  if (pending === undefined) {
    stopMonitor(self, local, ref);
    return;
  }
  local.spawning.set(key, {
    ...pending,
    onReply({ result, link, monitor }) {
      if (typeof result === 'string') return;
      const from = self.pid;
      if (link) local.route({ kind: 'linkExit', from, to: result, reason: ABANDONED });
      if (monitor) local.route({ kind: 'demonitor', from, to: result, ref });
    },
  });
}

/** A process on another node, and the reference of its monitor if there is one. */
export interface Spawned {
  readonly pid: Pid;
  readonly ref: Reference;
}

export interface SpawnRequestOptions extends SpawnRelations, WaitOptions {}

/** @internal See Process.spawnRequest. */
export function spawnRequest(
  self: ProcessState,
  local: LocalNode,
  what: RemoteFunction,
  options: SpawnRequestOptions,
): Promise<Spawned> {
  const doing = (): string => `spawn of ${what.module}:${what.function} on ${what.node}`;
  const spawned = new Promise<Spawned>((resolve, reject) => {
    let ref: Reference | undefined;
    const wait = new Wait(self, options, doing, (error) => {
      // A process that has ended has given up its relations already, and a child that comes late is told why.
      if (ref !== undefined && !self.exited) abandonSpawn(self, local, ref);
      reject(error);
    });
    try {
      ref = requestSpawn(self, local, what, options, {
        onFailed(error) {
          wait.stop();
          reject(error);
        },
        onSpawned(pid, request) {
          wait.stop();
          resolve({ pid, ref: request });
        },
      });
    } catch (error) {
      wait.stop();
      throw error;
    }
  });
  // A request that nobody waits for must not take the program down.
  spawned.catch(() => {});
  return spawned;
}
