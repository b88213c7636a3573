// A process: a pid, a mailbox, its relations to others, and the calls a program makes on itself (Erlang's BIFs).
// With a function it lives as long as the function runs; without one (a mailbox) until exit() or the node's end.
import type { ExitError } from '../errors.js';
import type { Atom } from '../term/atom.js';
import type { Pid, Reference } from '../term/identifiers.js';
import type { Term } from '../term/term.js';
import { type AliasMode, type AliasOptions, makeAlias } from './aliases.js';
import { checkIsPid, checkIsReference, nameText } from './arguments.js';
import { type CallOptions, call } from './call.js';
import { addressOf, type Destination } from './destination.js';
import { drained } from './drained.js';
import { exitError, NORMAL, withoutStack } from './exit-reason.js';
import { type LinkOptions, link, unlink } from './links.js';
import type { Key } from './local-identifiers.js';
import { Mailbox } from './mailbox.js';
import { isMatcher, type Matcher, type StandardSchema } from './matcher.js';
import { type DemonitorOptions, demonitor, type Monitored, type MonitorOptions, monitor } from './monitors.js';
import { Messages, type ReceiveOptions, receive } from './receive.js';
import { Relations } from './relations.js';
import { remoteFunction, type Spawned, type SpawnRequestOptions, spawnRequest } from './request-spawn.js';
import { cast, type ExitOptions, exitSignal, type SendOptions, send, sendAfter } from './send.js';
import {
  type ChildOptions,
  type ProcessFunction,
  type ProcessHome,
  type SpawnOptions,
  spawnChild,
} from './spawn-options.js';
import type { WaitOptions } from './wait.js';

/**
 * A process of this node. A function gets its own as `self`; `node.spawnMailbox` gives one that any code may use.
 *
 * When a process with a function is ended from outside (by an exit signal, or by the node's stop), its function cannot
 * be stopped as a BEAM stops it: whatever it waits for here is rejected with the exit reason (an `ExitError`), every
 * further call on `self` throws that error, and what it returns or throws is ignored. Code that waits for something
 * else should pass on {@link signal}.
 */
export class Process {
  // It is a ProcessState, but must not say `implements`: the declarations for users leave out what is internal.
  /** Its identifier: what others send to. */
  readonly pid: Pid;
  /** When true, exit signals arrive as `{'EXIT', From, Reason}` messages (all but `kill` of `exit(pid, kill)`). */
  trapExit = false;
  /** Where output of code that this process runs on other nodes goes (OTP: group leader). */
  groupLeader: Pid;
  /** For people who look at this process (OTP: proc_lib:set_label/1). */
  label: Term = undefined;
  /** The process that this one was linked to when it was spawned. */
  readonly parent: Pid | undefined;
  /** @internal */
  readonly system: boolean;
  /** @internal */
  readonly mailbox: Mailbox = new Mailbox();
  /** @internal */
  readonly maxMessages: number;
  /** @internal */
  names: Set<string> | undefined = undefined;
  /** @internal */
  aliasKeys: Set<Key> | undefined = undefined;
  /** @internal */
  nodes: Set<string> | undefined = undefined;
  /** @internal */
  pending: Set<(error: ExitError) => void> | undefined = undefined;
  /** @internal Whether it runs a function, which must be made to stop when the process ends. */
  readonly runs: boolean;
  readonly #table: ProcessHome;
  #madeRelations: Relations | undefined = undefined;
  #ended: { readonly reason: Term } | undefined = undefined;
  #aborter: AbortController | undefined = undefined;

  /** @internal */
  constructor(table: ProcessHome, pid: Pid, runs: boolean, options: SpawnOptions, link?: Process, monitor?: Process) {
    const { groupLeader, parent, system } = options;
    this.#table = table;
    this.pid = pid;
    this.groupLeader = groupLeader ?? link?.groupLeader ?? monitor?.groupLeader ?? table.groupLeader ?? pid;
    this.parent = parent ?? link?.pid;
    this.system = system === true;
    this.maxMessages = this.system ? 0 : (options.maxMessages ?? table.maxMessages);
    this.runs = runs;
  }

  /** The name of the node that this process lives on. */
  get node(): string {
    return this.#table.node;
  }

  /** Whether the process has ended. */
  get exited(): boolean {
    return this.#ended !== undefined;
  }

  /** @internal Made when first asked for: most of a million idle processes have none. */
  get relations(): Relations {
    this.#madeRelations ??= new Relations();
    return this.#madeRelations;
  }

  /** @internal */
  get hasRelations(): boolean {
    return this.#madeRelations !== undefined;
  }

  /** Aborted when the process ends, so that whatever its function waits for can end, too. */
  get signal(): AbortSignal {
    if (this.#aborter === undefined) {
      this.#aborter = new AbortController();
      if (this.#ended !== undefined) this.#aborter.abort(this.endError());
    }
    return this.#aborter.signal;
  }

  /** Number of messages waiting. */
  get messageQueueLength(): number {
    return this.mailbox.length;
  }

  /**
   * Sends without waiting. Messages to processes that do not exist are dropped silently, as in Erlang; a first message
   * to a node that is not connected connects it. A message to a process of this node, or one that waits for a connection, is
   * handed over as it is: do not change arrays, maps or buffers that have been sent. Binaries of 16 KiB and more
   * go to other nodes from where they lie: what is sent is what they hold when they leave. Above all do not transfer their
   * memory to a worker: the peer could get what is in it when the worker has freed it. Send a copy instead.
   *
   * @throws ArgumentError `badarg` for a name that nobody on this node has; `not_encodable` for a message to
   * another node that has no Erlang form; within this node nobody looks.
   */
  send(to: Destination, message: Term, options?: SendOptions): void {
    this.#mustLive();
    send(this, this.#table, to, message, options);
  }

  /**
   * OTP: `erlang:send_after/3`. Sends `message` to a process of this node in `milliseconds`; a name is looked up then.
   * As in OTP the timer is the node's: it goes off even if this process has ended, unless the node has stopped.
   *
   * @returns what {@link cancelTimer} takes.
   * @throws ArgumentError `badarg` for a process of another node and for a time that is none.
   */
  sendAfter(milliseconds: number, to: Pid | string | Atom, message: Term): Reference {
    this.#mustLive();
    return sendAfter(this, this.#table, milliseconds, to, message);
  }

  /** OTP: `erlang:cancel_timer/1`. @returns the milliseconds that were left, or false when it has gone off already. */
  cancelTimer(timer: Reference): number | false {
    checkIsReference(timer, 'cancelTimer()');
    return this.#table.timers.cancel(timer);
  }

  /**
   * The next message, or the next that `matcher` accepts; the others stay for later. With a schema, its output.
   *
   * @throws ExitError `timeout`, `aborted`, or the reason for which this process ended; whatever the matcher throws.
   * A failure that nobody awaits or catches does not end the program, and is told nowhere else.
   */
  receive(options?: ReceiveOptions): Promise<Term>;
  receive<Wanted extends Term>(guard: (message: Term) => message is Wanted, options?: ReceiveOptions): Promise<Wanted>;
  receive(predicate: ((message: Term) => boolean) | undefined, options?: ReceiveOptions): Promise<Term>;
  receive<Output>(schema: StandardSchema<Output>, options?: ReceiveOptions): Promise<Output>;
  receive(first?: Matcher | ReceiveOptions, second?: ReceiveOptions): Promise<unknown> {
    if (isMatcher(first)) return receive(this, first, second);
    return receive(this, undefined, first === undefined ? second : first);
  }

  /** All messages, one after the other. Ends with the process: by returning for a mailbox, by throwing in a function. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Term, undefined, undefined> {
    return new Messages(this, this.runs);
  }

  /** OTP: `register(Name, self())`. @throws ArgumentError `already_registered`, `badarg`. */
  register(name: string | Atom): void {
    this.#mustLive();
    this.#table.names.register(nameText(name, 'register()'), this);
  }

  /** @throws ArgumentError `badarg` when nobody has the name. */
  unregister(name: string | Atom): void {
    this.#table.names.unregister(nameText(name, 'unregister()'));
  }

  /** OTP: `spawn/1`, `spawn_link/1`. A new process of this node, which inherits this one's group leader. */
  spawn(run: ProcessFunction, options: ChildOptions = {}): Pid {
    this.#mustLive();
    return spawnChild(this, this.#table, run, options).pid;
  }

  /** OTP: `spawn_monitor/1`. The DOWN message carries `ref`. */
  spawnMonitor(run: ProcessFunction, options: ChildOptions = {}): Spawned {
    const pid = this.spawn(run, options);
    return { pid, ref: this.monitor(pid) };
  }

  /**
   * OTP: `erlang:spawn_request/5`. Runs `module:name(...args)` in a new process on another node. With `monitor`, `ref`
   * is the monitor's.
   *
   * @throws ExitError `noconnection`, `timeout`, `aborted`, or OTP's word (`notsup`, `badopt`) as its reason.
   * A failure that nobody awaits or catches does not end the program, and is told nowhere else.
   */
  spawnRequest(
    node: string | Atom,
    module: string | Atom,
    name: string | Atom,
    args: readonly Term[],
    options: SpawnRequestOptions = {},
  ): Promise<Spawned> {
    try {
      const what = remoteFunction(nameText(node, 'spawnRequest()'), module, name, args);
      return spawnRequest(this, this.#table, what, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Links this process and another: when one ends, the other gets an exit signal. */
  link(pid: Pid, options: LinkOptions = {}): void {
    this.#mustLive();
    link(this, this.#table, pid, options);
    this.#stopIfEnded();
  }

  /**
   * Takes a link back. After this call no exit signal of `pid` comes through it; an `{'EXIT', …}` message that came
   * before stays in the mailbox, as in OTP.
   */
  unlink(pid: Pid): void {
    this.#mustLive();
    unlink(this, this.#table, pid);
  }

  /**
   * Watches a process: one `{'DOWN', Ref, process, Object, Reason}` message when it ends, or at once when it is not
   * there (`noproc`) or cannot be reached (`noconnection`). `Object` is the pid, or `{Name, Node}`.
   */
  monitor(to: Monitored, options: MonitorOptions = {}): Reference {
    this.#mustLive();
    return monitor(this, this.#table, to, options);
  }

  /** Stops watching. With `flush`, a DOWN message that has come already is taken out of the mailbox. */
  demonitor(ref: Reference, options: DemonitorOptions = {}): void {
    this.#mustLive();
    demonitor(this, this.#table, ref, options);
  }

  /**
   * `exit(reason)` ends this process at once, trapping or not; inside a spawned function it also throws, so that the
   * function stops there. Without a reason it is `normal`. Links and monitors fire before it returns.
   *
   * `exit(to, reason)` sends an exit signal to another process, or to this one: to its pid, or an alias of it (OTP 28).
   * `kill` cannot be trapped.
   */
  exit(reason?: Term): void;
  exit(to: Pid | Reference, reason: Term, options?: ExitOptions): void;
  exit(...given: readonly unknown[]): void {
    if (given.length < 2) this.#table.terminate(this, given.length === 0 ? NORMAL : (given[0] as Term));
    else {
      this.#mustLive();
      const [to, reason, options] = given as [Term, Term, ExitOptions | undefined];
      exitSignal(this, this.#table, to, reason, options);
    }
    this.#stopIfEnded();
  }

  /** A reference that others can send to instead of the pid, until {@link unalias}. */
  alias(
    mode: Extract<AliasMode, 'explicit_unalias' | 'reply'> = 'explicit_unalias',
    options: AliasOptions = {},
  ): Reference {
    this.#mustLive();
    return makeAlias(this, this.#table, mode, options);
  }

  /** @returns whether `ref` was an active alias of this process. */
  unalias(ref: Reference): boolean {
    checkIsReference(ref, 'unalias()');
    return this.#table.aliases.remove(this, ref);
  }

  /** OTP: `group_leader/2`: makes `leader` the group leader of any process, here or elsewhere. */
  setGroupLeader(leader: Pid, pid: Pid): void {
    this.#mustLive();
    checkIsPid(leader, 'setGroupLeader()');
    checkIsPid(pid, 'setGroupLeader()');
    this.#table.route({ kind: 'groupLeader', from: leader, to: pid });
  }

  /**
   * OTP: `gen_server:call`. Works with every process that answers gen calls, in Erlang, Elixir or here.
   *
   * @throws ExitError `noproc`, `timeout` (5,000 ms unless told otherwise), `nodedown`, `aborted`, or the server's exit
   * reason. A failure that nobody awaits or catches does not end the program, and is told nowhere else; for a request
   * without an answer there is {@link Process.cast}.
   */
  call(to: Destination, request: Term, options?: CallOptions): Promise<Term> {
    try {
      return call(this, this.#table, addressOf(to, this.node), request, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * For producers: resolves when less than the busy mark (1 MiB unless the node was told otherwise) waits to be sent to
   * `node`, or when there is no connection. {@link send} itself never waits; beyond the hard cap it costs the connection.
   *
   * @throws ExitError `timeout`, `aborted`, or the reason for which this process ended.
   */
  drained(node: string | Atom, options: WaitOptions = {}): Promise<void> {
    try {
      return drained(this, this.#table, nameText(node, 'drained()'), options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** OTP: `gen_server:cast`: a request without an answer; nobody learns whether it arrived. */
  cast(to: Destination, request: Term): void {
    this.#mustLive();
    cast(this, this.#table, to, request);
  }

  /** @internal */
  exitError(): ExitError {
    return exitError(this.#ended?.reason, `process ${this.pid} has ended`);
  }

  /** @internal */
  endError(): ExitError {
    return withoutStack(() => this.exitError());
  }

  /** @internal Called once, by the process table. */
  end(reason: Term): void {
    this.#ended = { reason };
    this.mailbox.close();
    const aborter = this.#aborter;
    const { pending } = this;
    this.pending = undefined;
    if (pending !== undefined) for (const reject of [...pending]) reject(this.endError());
    aborter?.abort(this.endError());
  }

  #mustLive(): void {
    if (this.#ended !== undefined) throw this.exitError();
  }

  /** A function that has just ended its own process goes no further. */
  #stopIfEnded(): void {
    if (this.runs && this.#ended !== undefined) throw this.exitError();
  }
}
