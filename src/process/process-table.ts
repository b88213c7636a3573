// All processes of one node, and where signals are given to them (protocol section 4.3: what a receiver must do).
// Delivery is synchronous and in order; what is for another node goes to `remote`.
import { ArgumentError, ExitError } from '../errors.js';
import { atom, internAtom } from '../term/atom.js';
import { Pid, Reference } from '../term/identifiers.js';
import type { Term } from '../term/term.js';
import { tuple } from '../term/tuple.js';
import { Aliases } from './aliases.js';
import { replyReference } from './call.js';
import { KILL, KILLED, NOCONNECTION, NOPROC, NORMAL, reasonOf } from './exit-reason.js';
import type { LocalNode, PendingSpawn } from './local-node.js';
import { Process } from './process.js';
import type { ProcessState } from './process-state.js';
import { RegisteredNames } from './registered-names.js';
import type { Watcher } from './relations.js';
import { destinationNode, type RegisteredName, type Signal, type SpawnRequest } from './signal.js';

/** What a process runs. Its end is the process's end; what it throws is the exit reason. */
export type ProcessFunction = (self: Process) => unknown;

export interface SpawnOptions {
  /** Registers the new process before anything else can happen. */
  readonly name?: string;
  /** The process to link the new one to. */
  readonly link?: Process;
  /** A process that watches the new one: it gets a DOWN message. */
  readonly monitor?: Process;
  /** The group leader; the spawning process's unless given. */
  readonly groupLeader?: Pid;
}

export interface ProcessTableOptions {
  readonly node: string;
  /** 32 bits, at least 4: which life of this node its identifiers belong to. */
  readonly creation: number;
  /** Any 32 bits: makes references of different lives differ even where creations do not. */
  readonly seed: number;
  /** Takes signals for other nodes. */
  remote(signal: Signal): void;
  /** A process's function threw something that is not an exit: OTP would write a crash report. */
  onCrash(process: ProcessState, thrown: unknown): void;
  /** A node asks for a process here; the answer is `route`d by whoever takes it. */
  onSpawnRequest(request: SpawnRequest): void;
}

const PIDS_PER_SERIAL = 0x7fff;
const EXIT = atom('EXIT');
const DOWN = atom('DOWN');
const PROCESS = atom('process');

export class ProcessTable implements LocalNode {
  readonly node: string;
  readonly creation: number;
  readonly names: RegisteredNames = new RegisteredNames();
  readonly aliases: Aliases = new Aliases();
  /** @internal Those who wait for a SPAWN_REPLY, by the key of the request's reference. */
  readonly spawning: Map<string, PendingSpawn> = new Map();
  private readonly processes = new Map<number, Process>();
  private readonly relatedTo = new Map<string, Set<ProcessState>>();
  // A monitor by name stays with the process that had the name when the monitor came.
  private readonly watchedByName = new Map<string, ProcessState>();
  private readonly options: ProcessTableOptions;
  private readonly nodeAtom;
  private spawned = 0;
  private references = 0;

  constructor(options: ProcessTableOptions) {
    this.node = options.node;
    this.creation = options.creation;
    this.options = options;
    this.nodeAtom = internAtom(options.node);
  }

  /** Number of living processes. */
  get size(): number {
    return this.processes.size;
  }

  all(): IterableIterator<Process> {
    return this.processes.values();
  }

  /** Starts a process; its function begins to run after the current turn. @throws ArgumentError `already_registered`. */
  spawn(run: ProcessFunction | undefined, options: SpawnOptions = {}): Process {
    const leader = options.groupLeader ?? options.link?.groupLeader ?? options.monitor?.groupLeader;
    const process = new Process(this, this.nextPid(), leader, run !== undefined);
    if (options.name !== undefined) this.names.register(options.name, process);
    this.processes.set(slot(process.pid), process);
    options.link?.link(process.pid);
    options.monitor?.monitor(process.pid);
    if (run !== undefined) queueMicrotask(() => void this.run(process, run));
    return process;
  }

  get(pid: Pid): Process | undefined {
    if (pid.nodeAtom !== this.nodeAtom || pid.creation !== this.creation) return undefined;
    const process = this.processes.get(slot(pid));
    return process?.pid.id === pid.id && process.pid.serial === pid.serial ? process : undefined;
  }

  /** Unique in this node's life; 3 words, the first one within what OTP takes back as its own (18 bits). */
  makeReference(): Reference {
    const n = ++this.references;
    const words = [n % 0x40000, Math.floor(n / 0x40000) % 0x1_0000_0000, this.options.seed >>> 0];
    return new Reference(this.nodeAtom, this.creation, words);
  }

  /** Sends a signal on its way. */
  route(signal: Signal): void {
    if (destinationNode(signal) === this.node) this.deliver(signal);
    else this.options.remote(signal);
  }

  /** `process` has a link or a monitor with `node`, so it wants to know when the connection is lost. */
  related(process: ProcessState, node: string): void {
    if (node === this.node || process.nodes.has(node)) return;
    process.nodes.add(node);
    const there = this.relatedTo.get(node);
    if (there === undefined) this.relatedTo.set(node, new Set([process]));
    else there.add(process);
  }

  /** A signal for a process of this node. */
  deliver(signal: Signal): void {
    switch (signal.kind) {
      case 'message':
        this.deliverMessage(signal.to, signal.message);
        return;
      case 'link': {
        const target = this.get(signal.to);
        if (target === undefined) this.route({ kind: 'linkExit', from: signal.to, to: signal.from, reason: NOPROC });
        else {
          target.relations.linked(signal.from);
          this.related(target, signal.from.node);
        }
        return;
      }
      case 'unlink':
        this.get(signal.to)?.relations.unlinked(signal.from);
        if (signal.id !== undefined) {
          this.route({ kind: 'unlinkAck', from: signal.to, to: signal.from, id: signal.id });
        }
        return;
      case 'unlinkAck':
        this.get(signal.to)?.relations.unlinkAcknowledged(signal.from, signal.id);
        return;
      case 'linkExit': {
        const target = this.get(signal.to);
        if (target?.relations.exited(signal.from) === true) this.exitSignal(target, signal.from, signal.reason);
        return;
      }
      case 'exit':
        this.deliverExit(signal.from, signal.to, signal.reason);
        return;
      case 'monitor':
        this.deliverMonitor(signal.from, signal.to, signal.ref);
        return;
      case 'demonitor': {
        const target = signal.to instanceof Pid ? this.get(signal.to) : this.watchedByName.get(signal.ref.key);
        if (target !== undefined) this.forgetWatcher(target.relations.watchers, signal.ref.key);
        return;
      }
      case 'down':
        this.deliverDown(signal.from, signal.to, signal.ref, signal.reason);
        return;
      case 'groupLeader': {
        const target = this.get(signal.to);
        if (target !== undefined) target.groupLeader = signal.from;
        return;
      }
      case 'spawnRequest':
        this.options.onSpawnRequest(signal);
        return;
      case 'spawnReply':
        this.spawning.get(signal.ref.key)?.onReply(signal);
        return;
    }
  }

  /** The connection to `node` is gone: links and monitors fire with `noconnection` (protocol section 4.4). */
  nodeDown(node: string): void {
    for (const { ref, process, node: asked, onReply } of [...this.spawning.values()]) {
      if (asked !== node) continue;
      onReply({ kind: 'spawnReply', ref, to: process.pid, result: 'noconnection', link: false, monitor: false });
    }
    const there = this.relatedTo.get(node);
    if (there === undefined) return;
    this.relatedTo.delete(node);
    for (const process of there) {
      process.nodes.delete(node);
      const { links, monitors, watchers } = process.relations;
      for (const [key, watcher] of watchers) if (watcher.from.node === node) this.forgetWatcher(watchers, key);
      for (const monitor of [...monitors.values()]) {
        if (monitor.target.node !== node) continue;
        this.deliverDown(monitor.target, process.pid, monitor.ref, NOCONNECTION);
      }
      for (const link of [...links.values()]) {
        if (link.pid.node !== node || !process.relations.exited(link.pid)) continue;
        this.exitSignal(process, link.pid, NOCONNECTION);
      }
    }
  }

  /** Ends a process: names and aliases are free, links and monitors fire, waits are rejected. Once; later calls do nothing. */
  terminate(process: ProcessState, reason: Term, thrown?: unknown): void {
    if (!this.processes.delete(slot(process.pid))) return;
    if (thrown !== undefined && !(thrown instanceof ExitError)) this.options.onCrash(process, thrown);
    this.names.release(process);
    this.aliases.release(process);
    for (const node of process.nodes) this.relatedTo.get(node)?.delete(process);
    const { links, monitors, watchers } = process.relations;
    process.end(reason);
    for (const link of links.values()) {
      if (link.active) this.route({ kind: 'linkExit', from: process.pid, to: link.pid, reason });
    }
    for (const watcher of watchers.values()) this.tellWatcher(watcher, reason);
    for (const { target, ref } of monitors.values())
      this.route({ kind: 'demonitor', from: process.pid, to: target, ref });
  }

  private async run(process: Process, run: ProcessFunction): Promise<void> {
    // A process may have been ended before it began.
    if (process.exited) return;
    try {
      await run(process);
      this.terminate(process, NORMAL);
    } catch (thrown) {
      // After the process has ended, its function unwinds with the error that said so; nobody needs to hear of it.
      if (!process.exited) this.terminate(process, reasonOf(thrown), thrown);
    }
  }

  private deliverMessage(to: Pid | RegisteredName | Reference, message: Term): void {
    if (to instanceof Reference) {
      const alias = this.aliases.get(to);
      if (alias === undefined) return;
      if (alias.mode === 'reply' || alias.mode === 'reply_demonitor') this.aliases.remove(to);
      if (alias.onMessage !== undefined) alias.onMessage(message);
      else alias.process.mailbox.put(message);
      return;
    }
    if (!(to instanceof Pid)) {
      this.names.whereis(to.name)?.mailbox.put(message);
      return;
    }
    const process = this.get(to);
    if (process === undefined) return;
    const reply = replyReference(message);
    if (reply !== undefined && reply.nodeAtom === this.nodeAtom) this.deliverMessage(reply, message);
    else process.mailbox.put(message);
  }

  private deliverExit(from: Pid, to: Pid | RegisteredName | Reference, reason: Term): void {
    const target = this.find(to);
    if (target === undefined) return;
    if (reason === KILL) this.terminate(target, KILLED);
    else if (reason === NORMAL && from.equals(target.pid) && !target.trapExit) this.terminate(target, NORMAL);
    else this.exitSignal(target, from, reason);
  }

  private find(to: Pid | RegisteredName | Reference): ProcessState | undefined {
    if (to instanceof Pid) return this.get(to);
    return to instanceof Reference ? this.aliases.get(to)?.process : this.names.whereis(to.name);
  }

  private exitSignal(target: ProcessState, from: Pid, reason: Term): void {
    if (target.trapExit) target.mailbox.put(tuple(EXIT, from, reason));
    else if (reason !== NORMAL) this.terminate(target, reason);
  }

  private deliverMonitor(from: Pid, object: Pid | RegisteredName, ref: Reference): void {
    const target = object instanceof Pid ? this.get(object) : this.names.whereis(object.name);
    if (target === undefined) {
      this.route({ kind: 'down', from: object, to: from, ref, reason: NOPROC });
      return;
    }
    target.relations.watchers.set(ref.key, { ref, from, object });
    this.related(target, from.node);
    if (!(object instanceof Pid)) this.watchedByName.set(ref.key, target);
  }

  private forgetWatcher(watchers: Map<string, Watcher>, key: string): void {
    watchers.delete(key);
    this.watchedByName.delete(key);
  }

  private tellWatcher({ ref, from, object }: Watcher, reason: Term): void {
    this.watchedByName.delete(ref.key);
    this.route({ kind: 'down', from: object, to: from, ref, reason });
  }

  private deliverDown(from: Pid | RegisteredName, to: Pid, ref: Reference, reason: Term): void {
    const process = this.get(to);
    const monitor = process?.relations.monitors.get(ref.key);
    if (process === undefined || monitor === undefined) return;
    process.relations.monitors.delete(ref.key);
    this.aliases.demonitored(ref);
    if (monitor.onDown !== undefined) {
      monitor.onDown(reason);
      return;
    }
    const { target } = monitor;
    const object = target instanceof Pid ? target : tuple(atom(target.name), atom(target.node));
    process.mailbox.put(
      tuple(DOWN, ref, PROCESS, from instanceof Pid && target instanceof Pid ? from : object, reason),
    );
  }

  private nextPid(): Pid {
    const n = this.spawned++;
    const serial = Math.floor(n / PIDS_PER_SERIAL);
    if (serial > 0xffff_ffff) throw new ArgumentError('system_limit', 'this node has no process identifiers left');
    // Small ids first: OTP 23 takes 15 bits of id and 13 bits of serial only.
    return new Pid(this.nodeAtom, 1 + (n % PIDS_PER_SERIAL), serial, this.creation);
  }
}

function slot(pid: Pid): number {
  return pid.serial * 0x8000 + pid.id;
}
