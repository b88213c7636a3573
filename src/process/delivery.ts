// What a node does with a signal for one of its processes: the receiver's half of protocol section 4.3, row by row.
// A monitor by name stays with the process that had the name when the monitor came.
import { atom } from '../term/atom.js';
import { Pid, Reference } from '../term/identifiers.js';
import type { Term } from '../term/term.js';
import { tuple } from '../term/tuple.js';
import { replyReference } from './call.js';
import { KILL, KILLED, NOPROC, NORMAL } from './exit-reason.js';
import type { Key } from './local-identifiers.js';
import type { LocalNode } from './local-node.js';
import { stopMonitor } from './monitors.js';
import type { ProcessState } from './process-state.js';
import type { Watcher } from './relations.js';
import type { RegisteredName, Signal, SpawnRequest } from './signal.js';

const EXIT = atom('EXIT');
const DOWN = atom('DOWN');
const PROCESS = atom('process');

export interface DeliveryOptions {
  readonly local: LocalNode;
  get(pid: Pid): ProcessState | undefined;
  onSpawnRequest(request: SpawnRequest): void;
  /** More messages than a process may have wait in its mailbox. */
  onMailboxFull(process: ProcessState): void;
}

export class Delivery {
  readonly #local: LocalNode;
  readonly #options: DeliveryOptions;
  /** Processes that are watched by their name, by the key of the monitor. */
  readonly #byName = new Map<Key, ProcessState>();

  constructor(options: DeliveryOptions) {
    this.#local = options.local;
    this.#options = options;
  }

  /** @internal Number of monitors by name; for tests. */
  get watchedByName(): number {
    return this.#byName.size;
  }

  deliver(signal: Signal): void {
    const local = this.#local;
    switch (signal.kind) {
      case 'message':
        this.#message(signal.to, signal.message, signal.priority);
        return;
      case 'link':
        this.#link(signal.from, signal.to);
        return;
      case 'unlink':
        this.#get(signal.to)?.relations.unlinked(local.pidKey(signal.from));
        if (signal.id === undefined) return;
        local.route({ kind: 'unlinkAck', from: signal.to, to: signal.from, id: signal.id });
        return;
      case 'unlinkAck':
        this.#get(signal.to)?.relations.unlinkAcknowledged(local.pidKey(signal.from), signal.id);
        return;
      case 'linkExit': {
        const target = this.#get(signal.to);
        const link = target?.relations.takeLink(local.pidKey(signal.from));
        if (target !== undefined && link !== undefined) {
          this.exitSignal(target, signal.from, signal.reason, link.priority);
        }
        return;
      }
      case 'exit':
        this.#exit(signal.from, signal.to, signal.reason, signal.priority);
        return;
      case 'monitor':
        this.#monitor(signal.from, signal.to, signal.ref);
        return;
      case 'demonitor':
        this.#demonitor(signal.from, signal.to, signal.ref);
        return;
      case 'down':
        this.down(signal.from, signal.to, signal.ref, signal.reason);
        return;
      case 'groupLeader': {
        const target = this.#get(signal.to);
        if (target !== undefined) target.groupLeader = signal.from;
        return;
      }
      case 'spawnRequest':
        this.#options.onSpawnRequest(signal);
        return;
      case 'spawnReply': {
        const key = local.referenceKey(signal.ref);
        const pending = local.spawning.get(key);
        if (pending === undefined || !signal.to.equals(pending.process.pid) || signal.node !== pending.node) return;
        local.spawning.delete(key);
        pending.onReply(signal);
        return;
      }
    }
  }

  /** An exit signal has reached a process: it traps it, ignores it, or ends. */
  exitSignal(target: ProcessState, from: Pid, reason: Term, priority: boolean): void {
    if (target.system) return;
    if (target.trapExit) this.#put(target, tuple(EXIT, from, reason), priority);
    else if (reason !== NORMAL) this.#local.terminate(target, reason);
  }

  /** A monitor fires. `from` is what was monitored, as it was given. */
  down(from: Pid | RegisteredName, to: Pid, ref: Reference, reason: Term): void {
    const local = this.#local;
    const process = this.#get(to);
    const key = local.referenceKey(ref);
    const target = process?.relations.monitors.get(key)?.target;
    // References can be guessed: only the node that was asked may answer.
    if (process === undefined || target === undefined || target.node !== from.node) return;
    const monitor = process.relations.takeMonitor(key);
    local.aliases.demonitored(process, ref);
    if (monitor?.onDown !== undefined) {
      monitor.onDown(reason);
      return;
    }
    const object = target instanceof Pid ? target : tuple(atom(target.name), atom(target.node));
    this.#put(process, tuple(DOWN, ref, PROCESS, object, reason), monitor?.priority === true);
  }

  /** A process has ended: those who watch it, and must be told. */
  takeWatchers(process: ProcessState): readonly Watcher[] {
    const { watchers } = process.relations;
    for (const [key, { object }] of watchers) if (!(object instanceof Pid)) this.#byName.delete(key);
    return [...watchers.values()];
  }

  /** The processes of a node that is gone watch nobody any more. */
  forgetWatchersOn(node: string, process: ProcessState): void {
    for (const [key, { from }] of process.relations.watchers) {
      if (from.node !== node) continue;
      process.relations.removeWatcher(key);
      this.#byName.delete(key);
    }
  }

  /** @param priority before ordinary messages. */
  #put(target: ProcessState, message: Term, priority: boolean): void {
    const { mailbox, maxMessages } = target;
    if (priority) mailbox.putUrgent(message);
    else mailbox.put(message);
    if (maxMessages !== 0 && mailbox.length > maxMessages) this.#options.onMailboxFull(target);
  }

  #get(pid: Pid): ProcessState | undefined {
    return this.#options.get(pid);
  }

  #find(to: Pid | RegisteredName | Reference): ProcessState | undefined {
    if (to instanceof Pid) return this.#get(to);
    return to instanceof Reference ? this.#local.aliases.get(to)?.process : this.#local.names.whereis(to.name);
  }

  #message(to: Pid | RegisteredName | Reference, message: Term, priority?: true): void {
    if (to instanceof Reference) {
      this.#aliasMessage(to, message, priority);
      return;
    }
    const process = this.#find(to);
    if (process === undefined) return;
    // A reply that was sent to the pid although it names an alias: it arrives if the alias is active, as it should.
    const reply = to instanceof Pid ? replyReference(message) : undefined;
    if (reply === undefined || reply.node !== this.#local.node) {
      this.#put(process, message, false);
      return;
    }
    const owner = this.#local.aliases.get(reply)?.process;
    if (owner === process) this.#aliasMessage(reply, message);
    // Somebody else's, passed on: for this process a message like any other. Without an owner it is a late reply.
    else if (owner !== undefined) this.#put(process, message, false);
  }

  #aliasMessage(ref: Reference, message: Term, priority?: true): void {
    const local = this.#local;
    const alias = local.aliases.get(ref);
    if (alias === undefined) return;
    const { process, mode, onMessage } = alias;
    if (onMessage !== undefined) {
      onMessage(message);
      return;
    }
    if (mode === 'reply' || mode === 'reply_demonitor') local.aliases.remove(process, ref);
    if (mode === 'reply_demonitor') stopMonitor(process, local, ref);
    this.#put(process, message, priority === true && alias.priority === true);
  }

  #link(from: Pid, to: Pid): void {
    const local = this.#local;
    const target = this.#get(to);
    if (target === undefined) {
      local.route({ kind: 'linkExit', from: to, to: from, reason: NOPROC });
      return;
    }
    target.relations.linked(local.pidKey(from), from);
    local.related(target, from.node);
  }

  /** OTP: exit/2. `kill` cannot be trapped; `normal` ends only the process that sends it to itself. */
  #exit(from: Pid, to: Pid | RegisteredName | Reference, reason: Term, priority?: true): void {
    const target = this.#find(to);
    if (target === undefined || target.system) return;
    const urgent = priority === true && to instanceof Reference && this.#local.aliases.get(to)?.priority === true;
    if (reason === KILL) this.#local.terminate(target, KILLED);
    else if (reason === NORMAL && from.equals(target.pid) && !target.trapExit) this.#local.terminate(target, NORMAL);
    else this.exitSignal(target, from, reason, urgent);
  }

  #monitor(from: Pid, object: Pid | RegisteredName, ref: Reference): void {
    const local = this.#local;
    const target = this.#find(object);
    if (target === undefined) {
      local.route({ kind: 'down', from: object, to: from, ref, reason: NOPROC });
      return;
    }
    const key = local.referenceKey(ref);
    // A reference stands for one monitor; one that is in use is not taken from its owner.
    if (target.relations.watchers.has(key) || this.#byName.has(key)) return;
    target.relations.addWatcher(key, { ref, from, object });
    local.related(target, from.node);
    if (!(object instanceof Pid)) this.#byName.set(key, target);
  }

  #demonitor(from: Pid, object: Pid | RegisteredName, ref: Reference): void {
    const key = this.#local.referenceKey(ref);
    const target = object instanceof Pid ? this.#get(object) : this.#byName.get(key);
    const watcher = target?.relations.watchers.get(key);
    if (target === undefined || watcher === undefined || !watcher.from.equals(from)) return;
    target.relations.removeWatcher(key);
    if (!(watcher.object instanceof Pid)) this.#byName.delete(key);
  }
}
