// Monitors as a process sets and takes them back (protocol section 4.3, "Monitors"): the calling side of relations.ts.
// With an alias, the reference of a monitor is one that others can send to.
import { ArgumentError } from '../errors.js';
import { type Atom, atom } from '../term/atom.js';
import { type Pid, Reference } from '../term/identifiers.js';
import type { Term } from '../term/term.js';
import { Tuple } from '../term/tuple.js';
import { type AliasMode, checkAliasMode } from './aliases.js';
import { checkIsReference, checkOptional } from './arguments.js';
import { addressOf } from './destination.js';
import type { LocalNode } from './local-node.js';
import type { ProcessState } from './process-state.js';
import type { Monitor } from './relations.js';

/** What a monitor may be set on. */
export type Monitored = Pid | string | Atom | { readonly name: string | Atom; readonly node: string | Atom };

export interface MonitorOptions {
  /** OTP: `{alias, Mode}`. The monitor's reference is an alias of this process, too. */
  readonly alias?: AliasMode;
  /** OTP 28: `[priority]`. The DOWN message goes before ordinary ones; messages to its alias do not. */
  readonly priority?: boolean;
}

export interface DemonitorOptions {
  /** Takes a DOWN message that has come already out of the mailbox. */
  readonly flush?: boolean;
}

const DOWN = atom('DOWN');

/** @internal See Process.monitor. */
export function monitor(self: ProcessState, local: LocalNode, to: Monitored, options: MonitorOptions): Reference {
  checkOptional(options, 'monitor()');
  checkAliasMode(options.alias);
  const target = addressOf(to, local.node);
  if (target instanceof Reference) throw new ArgumentError('badarg', 'monitor() needs a pid or a name');
  const ref = local.makeReference();
  if (options.alias !== undefined) local.aliases.add({ ref, process: self, mode: options.alias });
  try {
    startMonitor(self, local, { ref, target, priority: options.priority === true });
  } catch (error) {
    local.aliases.remove(self, ref);
    throw error;
  }
  return ref;
}

/** @internal See Process.demonitor. */
export function demonitor(self: ProcessState, local: LocalNode, ref: Reference, options: DemonitorOptions): void {
  checkIsReference(ref, 'demonitor()');
  checkOptional(options, 'demonitor()');
  const fired = !stopMonitor(self, local, ref);
  local.aliases.demonitored(self, ref);
  // As OTP: looking through a full mailbox takes long, and for nothing while the monitor has not fired.
  if (fired && options.flush === true) self.mailbox.flush((message) => isDown(message, ref));
}

/** Sets a monitor. @throws ArgumentError as {@link LocalNode.route} does, with nothing left behind. */
export function startMonitor(self: ProcessState, local: LocalNode, started: Monitor): void {
  const { ref, target } = started;
  const key = local.referenceKey(ref);
  self.relations.addMonitor(key, started);
  try {
    local.related(self, target.node);
    local.route({ kind: 'monitor', from: self.pid, to: target, ref });
  } catch (error) {
    self.relations.takeMonitor(key);
    throw error;
  }
}

/** Takes a monitor back. @returns false if it has fired, or is none. */
export function stopMonitor(self: ProcessState, local: LocalNode, ref: Reference): boolean {
  const held = self.relations.takeMonitor(local.referenceKey(ref));
  if (held === undefined) return false;
  local.route({ kind: 'demonitor', from: self.pid, to: held.target, ref });
  return true;
}

function isDown(message: Term, ref: Reference): boolean {
  return message instanceof Tuple && message.elements[0] === DOWN && ref.equals(message.elements[1]);
}
