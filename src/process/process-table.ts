// All processes of one node: their birth, their end, and the way their signals go. Between two processes signals keep
// their order. Delivery here is synchronous but never nested: what a signal causes comes after it, so that the end of
// one process in a chain of a million links needs no deep stack.

import { inWords } from '../arguments.js';
import { ArgumentError, ExitError, LimitError } from '../errors.js';
import { atom } from '../term/atom.js';
import { Pid, type Reference } from '../term/identifiers.js';
import type { Term } from '../term/term.js';
import { Aliases } from './aliases.js';
import { checkIsFunction, checkIsPid, checkOptional, nameText } from './arguments.js';
import { Delivery } from './delivery.js';
import { KILLED, NOCONNECTION, NORMAL, reasonOf } from './exit-reason.js';
import { type Key, LocalIdentifiers } from './local-identifiers.js';
import type { LocalNode, PendingSpawn } from './local-node.js';
import { MessageTimers } from './message-timers.js';
import { Process } from './process.js';
import type { ProcessState } from './process-state.js';
import { RegisteredNames } from './registered-names.js';
import { destinationNode, type Signal, type SpawnRequest } from './signal.js';
import type { ProcessFunction, ProcessHome, SpawnOptions } from './spawn-options.js';

export interface ProcessTableOptions {
  readonly node: string;
  /** 32 bits, at least 4: which life of this node its identifiers belong to. */
  readonly creation: number;
  /** Any 32 bits: makes references of different lives differ even where creations do not. */
  readonly seed: number;
  /** Takes signals for other nodes. */
  remote(signal: Signal): void;
  /** See {@link LocalNode.whenDrained}, for other nodes. */
  whenDrained?(node: string, tell: () => void): () => void;
  /** Messages that may wait in a mailbox of a process that was not told otherwise. Default: no limit. */
  readonly maxMessages?: number;
  /** A process's function threw something that is not an exit: OTP would write a crash report. */
  onCrash(process: { readonly pid: Pid; readonly names: Iterable<string> }, thrown: unknown): void;
  /** A signal that nobody can be blamed for any more could not be sent. */
  onLost?(signal: Signal, error: unknown): void;
  /** A node asks for a process here; the answer is `route`d by whoever takes it. */
  onSpawnRequest(request: SpawnRequest): void;
}

// What peers hear of an exit reason that has no Erlang form: that the process has ended is what counts.
const NOT_ENCODABLE = atom('not_encodable');

export class ProcessTable implements ProcessHome {
  readonly node: string;
  readonly creation: number;
  readonly names: RegisteredNames = new RegisteredNames();
  readonly aliases: Aliases;
  readonly timers: MessageTimers;
  /** The group leader of processes that inherit none; each is its own as long as this is not set. */
  groupLeader: Pid | undefined = undefined;
  readonly spawning: Map<Key, PendingSpawn> = new Map();
  /** @internal */
  readonly delivery: Delivery;
  readonly maxMessages: number;
  readonly #processes = new Map<Key, Process>();
  readonly #relatedTo = new Map<string, Set<ProcessState>>();
  readonly #options: ProcessTableOptions;
  readonly #identifiers: LocalIdentifiers;
  lostBecause: Error | undefined = undefined;
  #delivering = false;
  #waiting: Signal[] = [];

  constructor(options: ProcessTableOptions) {
    const { node, creation, seed } = options;
    this.node = node;
    this.creation = creation;
    this.#options = options;
    // A number like any other, so that all processes have the same shape.
    this.maxMessages = options.maxMessages === Number.POSITIVE_INFINITY ? 0 : (options.maxMessages ?? 0);
    this.#identifiers = new LocalIdentifiers(node, creation, seed);
    const keyOf = (ref: Reference): Key => this.#identifiers.referenceKey(ref);
    this.aliases = new Aliases(keyOf);
    this.timers = new MessageTimers(keyOf);
    this.delivery = new Delivery({
      local: this,
      get: (pid) => this.get(pid),
      onSpawnRequest: (request) => options.onSpawnRequest(request),
      onMailboxFull: (process) => this.#mailboxFull(process),
    });
  }

  /** Number of living processes. */
  get size(): number {
    return this.#processes.size;
  }

  all(): IterableIterator<Process> {
    return this.#processes.values();
  }

  /** @internal Number of nodes that processes have, or had, relations with; for tests. */
  get relatedNodes(): number {
    return this.#relatedTo.size;
  }

  /**
   * Starts a process; its function begins to run after the current turn.
   *
   * @throws ArgumentError `already_registered`, `badarg` for a bad name or option; ExitError when `link` or `monitor` has ended.
   */
  spawn(run: ProcessFunction | undefined, options: SpawnOptions = {}): Process {
    if (run !== undefined) checkIsFunction(run, 'spawn()');
    checkOptional(options, 'spawn()');
    if (options.groupLeader !== undefined) checkIsPid(options.groupLeader, 'the option groupLeader');
    checkMaxMessages(options.maxMessages);
    const link = this.#near('link', options.link);
    const monitor = this.#near('monitor', options.monitor);
    const name = options.name === undefined ? undefined : nameText(options.name, 'the option name');
    if (name !== undefined) this.names.check(name);
    for (const other of [link, monitor]) if (other?.exited === true) throw other.exitError();
    const process = new Process(this, this.#identifiers.makePid(), run !== undefined, options, link, monitor);
    this.#processes.set(this.pidKey(process.pid), process);
    if (name !== undefined) this.names.register(name, process);
    link?.link(process.pid);
    monitor?.monitor(process.pid);
    if (run !== undefined) queueMicrotask(() => void this.#run(process, run));
    return process;
  }

  /** Who is meant by an option of spawn, which takes processes of this node only. */
  #near(option: 'link' | 'monitor', other: Process | Pid | undefined): Process | undefined {
    if (other === undefined || other instanceof Process) return other;
    if (!(other instanceof Pid)) {
      const wanted = `the option ${option} takes a process or its pid, who is to be ${option}ed with the new one`;
      throw new ArgumentError('badarg', `${wanted}, not ${inWords(other)}`);
    }
    const found = this.get(other);
    if (found !== undefined) return found;
    throw new ArgumentError('badarg', `the option ${option} takes a living process of ${this.node}; ${other} is none`);
  }

  get(pid: Pid): Process | undefined {
    return this.#identifiers.owns(pid) ? this.#processes.get(this.pidKey(pid)) : undefined;
  }

  makeReference(): Reference {
    return this.#identifiers.makeReference();
  }

  pidKey(pid: Pid): Key {
    return this.#identifiers.pidKey(pid);
  }

  referenceKey(ref: Reference): Key {
    return this.#identifiers.referenceKey(ref);
  }

  route(signal: Signal): void {
    if (destinationNode(signal) === this.node) this.deliver(signal);
    else this.#options.remote(signal);
  }

  whenDrained(node: string, tell: () => void): () => void {
    const { whenDrained } = this.#options;
    if (node !== this.node && whenDrained !== undefined) return whenDrained(node, tell);
    tell();
    return () => {};
  }

  /** A signal for a process of this node. */
  deliver(signal: Signal): void {
    if (this.#delivering) {
      this.#waiting.push(signal);
      return;
    }
    this.#delivering = true;
    try {
      this.delivery.deliver(signal);
    } finally {
      this.#delivering = false;
      if (this.#waiting.length > 0) this.#deliverWaiting();
    }
  }

  related(process: ProcessState, node: string): void {
    if (node === this.node || process.exited || process.nodes?.has(node) === true) return;
    process.nodes ??= new Set();
    process.nodes.add(node);
    const there = this.#relatedTo.get(node);
    if (there === undefined) this.#relatedTo.set(node, new Set([process]));
    else there.add(process);
  }

  /** The connection to `node` is gone: links and monitors fire with `noconnection` (protocol section 4.4). */
  nodeDown(node: string, because?: Error): void {
    this.lostBecause = because;
    try {
      this.#loseNode(node);
    } finally {
      this.lostBecause = undefined;
    }
  }

  #loseNode(node: string): void {
    for (const [key, { ref, process, node: asked, onReply }] of [...this.spawning]) {
      if (asked !== node || !this.spawning.delete(key)) continue;
      onReply({ kind: 'spawnReply', ref, to: process.pid, node, result: 'noconnection', link: false, monitor: false });
    }
    const there = this.#relatedTo.get(node);
    if (there === undefined) return;
    this.#relatedTo.delete(node);
    for (const near of there) {
      near.nodes?.delete(node);
      this.delivery.forgetWatchersOn(node, near);
      for (const [key, { pid }] of [...near.relations.links]) {
        if (pid.node !== node) continue;
        const link = near.relations.takeLink(key);
        if (link !== undefined) this.delivery.exitSignal(near, pid, NOCONNECTION, link.priority);
      }
      for (const { target, ref } of [...near.relations.monitors.values()]) {
        if (target.node === node) this.delivery.down(target, near.pid, ref, NOCONNECTION);
      }
    }
  }

  /**
   * Ends a process: names and aliases are free, waits are rejected, links and monitors fire. Once; later calls do
   * nothing.
   */
  terminate(process: ProcessState, reason: Term): void {
    if (!this.#processes.delete(this.pidKey(process.pid))) return;
    this.names.release(process);
    this.aliases.release(process);
    for (const node of process.nodes ?? []) this.#forgetRelated(process, node);
    process.nodes = undefined;
    process.end(reason);
    if (process.hasRelations) this.#tellRelated(process, reason);
  }

  /** The node stops: all processes end, and no timer is left. */
  stop(reason: Term): void {
    this.timers.clear();
    for (const process of [...this.#processes.values()]) this.terminate(process, reason);
  }

  /** Links and monitors of a process that has ended fire. */
  #tellRelated(process: ProcessState, reason: Term): void {
    const from = process.pid;
    const relations = process.relations;
    for (const { active, pid } of relations.links.values()) {
      if (active) this.#tell({ kind: 'linkExit', from, to: pid, reason });
    }
    for (const { ref, from: to, object } of this.delivery.takeWatchers(process)) {
      this.#tell({ kind: 'down', from: object, to, ref, reason });
    }
    for (const { target, ref } of relations.monitors.values()) {
      this.#tell({ kind: 'demonitor', from, to: target, ref });
    }
    relations.clear();
  }

  async #run(process: Process, run: ProcessFunction): Promise<void> {
    // A process may have been ended before it began.
    if (process.exited) return;
    let reason: Term = NORMAL;
    try {
      await run(process);
    } catch (thrown) {
      // After the process has ended, its function unwinds with the error that said so; nobody needs to hear of it.
      if (process.exited) return;
      reason = reasonOf(thrown);
      if (!(thrown instanceof ExitError)) this.#reportCrash(process, thrown);
    }
    this.terminate(process, reason);
  }

  /** Before it fills the memory of everybody else. */
  #mailboxFull(target: ProcessState): void {
    const { pid, maxMessages, mailbox } = target;
    const error = new LimitError('mailbox_full', `messages in the mailbox of ${pid}`, maxMessages, mailbox.length);
    this.#reportCrash(target, error);
    this.terminate(target, KILLED);
  }

  #reportCrash({ pid, names }: ProcessState, thrown: unknown): void {
    try {
      this.#options.onCrash({ pid, names: names ?? [] }, thrown);
    } catch {
      // A log that fails must not keep those who are linked from hearing of the end.
    }
  }

  /** Tells one of those who must hear of an end, whatever the reason is made of. */
  #tell(signal: Signal): void {
    try {
      this.route(signal);
    } catch (error) {
      const unsendable = error instanceof ArgumentError || error instanceof LimitError;
      if ('reason' in signal && unsendable && signal.reason !== NOT_ENCODABLE) {
        this.#tell({ ...signal, reason: NOT_ENCODABLE });
      } else this.#options.onLost?.(signal, error);
    }
  }

  #deliverWaiting(): void {
    this.#delivering = true;
    for (let i = 0; i < this.#waiting.length; i++) {
      const signal = this.#waiting[i] as Signal;
      try {
        this.delivery.deliver(signal);
      } catch (error) {
        // Whoever caused it has gone on.
        this.#options.onLost?.(signal, error);
      }
    }
    this.#waiting = [];
    this.#delivering = false;
  }

  #forgetRelated(process: ProcessState, node: string): void {
    const there = this.#relatedTo.get(node);
    there?.delete(process);
    if (there?.size === 0) this.#relatedTo.delete(node);
  }
}

function checkMaxMessages(most: unknown): void {
  if (most === undefined || (Number.isSafeInteger(most) && (most as number) > 0)) return;
  const given = typeof most === 'number' ? String(most) : inWords(most);
  throw new ArgumentError('badarg', `the option maxMessages is a whole number of messages, at least 1, not ${given}`);
}
