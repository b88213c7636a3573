// A process: a pid, a mailbox, its relations to others, and the calls a program makes on itself (Erlang's BIFs).
// With a function it lives as long as the function runs; without one (a mailbox) until exit() or the node's end.
import { ArgumentError, type ExitError } from '../errors.js';
import { Atom, atom } from '../term/atom.js';
import { Pid, Reference } from '../term/identifiers.js';
import type { Term } from '../term/term.js';
import { Tuple, tuple } from '../term/tuple.js';
import type { AliasMode } from './aliases.js';
import { type CallOptions, call } from './call.js';
import { abortedError, exitError, NORMAL, timeoutError } from './exit-reason.js';
import type { LocalNode } from './local-node.js';
import { Mailbox } from './mailbox.js';
import type { Matcher, StandardSchema } from './matcher.js';
import type { ProcessState } from './process-state.js';
import { Relations } from './relations.js';
import type { RegisteredName } from './signal.js';

/** Whom to send to: a pid, a name on this node, a name on another, or an alias. */
export type Destination =
  | Pid
  | string
  | Atom
  | { readonly name: string | Atom; readonly node: string | Atom }
  | Reference;

export interface ReceiveOptions {
  /** Milliseconds to wait; without it, as long as it takes. `0` only looks. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

export interface MonitorOptions {
  /** OTP: `{alias, Mode}`. The monitor's reference is an alias of this process, too. */
  readonly alias?: AliasMode;
}

export class Process implements ProcessState {
  readonly pid: Pid;
  /** When true, exit signals arrive as `{'EXIT', From, Reason}` messages. */
  trapExit = false;
  /** Where output of code that this process runs on other nodes goes (OTP: group leader). */
  groupLeader: Pid;
  /** @internal */
  readonly mailbox: Mailbox = new Mailbox();
  /** @internal */
  readonly relations: Relations = new Relations();
  /** @internal */
  readonly names: Set<string> = new Set();
  /** @internal */
  readonly aliasKeys: Set<string> = new Set();
  /** @internal Nodes that this process has, or had, relations to. */
  readonly nodes: Set<string> = new Set();
  /** @internal What to reject when the process ends: calls in flight. */
  readonly pending: Set<(error: ExitError) => void> = new Set();
  /** @internal Whether it runs a function, which must be made to stop when the process ends. */
  readonly runs: boolean;
  private readonly table: LocalNode;
  private ended: { readonly reason: Term } | undefined;
  private aborter: AbortController | undefined;

  /** @internal */
  constructor(table: LocalNode, pid: Pid, groupLeader: Pid | undefined, runs: boolean) {
    this.table = table;
    this.pid = pid;
    this.groupLeader = groupLeader ?? pid;
    this.runs = runs;
  }

  /** The name of the node that this process lives on. */
  get node(): string {
    return this.table.node;
  }

  /** Whether the process has ended. */
  get exited(): boolean {
    return this.ended !== undefined;
  }

  /** Aborted when the process ends, so that whatever its function waits for can end, too. */
  get signal(): AbortSignal {
    if (this.aborter === undefined) {
      this.aborter = new AbortController();
      if (this.ended !== undefined) this.aborter.abort(this.exitError());
    }
    return this.aborter.signal;
  }

  /** Number of messages waiting. */
  get messageQueueLength(): number {
    return this.mailbox.length;
  }

  /**
   * Sends without waiting. Messages to processes that do not exist are dropped silently, as in Erlang; a first message
   * to a node that is not connected connects it.
   *
   * @throws ArgumentError `badarg` for a name that nobody on this node has; `not_encodable` for a message that has no
   * Erlang form.
   */
  send(to: Destination, message: Term): void {
    this.mustLive();
    const address = this.address(to);
    if (typeof to === 'string' || to instanceof Atom) {
      if (this.table.names.whereis(String(to)) === undefined) {
        throw new ArgumentError('badarg', `no process is registered as ${JSON.stringify(String(to))} on ${this.node}`);
      }
    }
    this.table.route({ kind: 'message', from: this.pid, to: address, message });
  }

  /**
   * The next message, or the next that `matcher` accepts; the others stay for later. With a schema, its output.
   *
   * @throws ExitError `timeout`, `aborted`, or the reason for which this process ended.
   */
  receive(options?: ReceiveOptions): Promise<Term>;
  receive<Wanted extends Term>(guard: (message: Term) => message is Wanted, options?: ReceiveOptions): Promise<Wanted>;
  receive(predicate: ((message: Term) => boolean) | undefined, options?: ReceiveOptions): Promise<Term>;
  receive<Output>(schema: StandardSchema<Output>, options?: ReceiveOptions): Promise<Output>;
  receive(first?: Matcher | ReceiveOptions, second?: ReceiveOptions): Promise<unknown> {
    const matching = typeof first === 'function' || (first !== undefined && '~standard' in first);
    const matcher = matching ? (first as Matcher) : undefined;
    const { timeout, signal } = (matching ? second : ((first as ReceiveOptions | undefined) ?? second)) ?? {};
    const waiting = new Promise<unknown>((resolve, reject) => {
      this.mustLive();
      if (signal?.aborted === true) throw abortedError('receive', signal);
      const there = this.mailbox.take(matcher);
      if (there !== undefined) {
        resolve(there.value);
        return;
      }
      let timer: ReturnType<typeof setTimeout> | undefined;
      const settled = (): void => {
        stop();
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
      };
      const onAbort = (): void => {
        settled();
        reject(abortedError('receive', signal as AbortSignal));
      };
      const stop = this.mailbox.wait(
        matcher,
        (value) => {
          settled();
          resolve(value);
        },
        (error) => {
          settled();
          reject(error);
        },
      );
      signal?.addEventListener('abort', onAbort, { once: true });
      if (timeout !== undefined && timeout !== Number.POSITIVE_INFINITY) {
        timer = setTimeout(() => {
          settled();
          reject(timeoutError('receive', timeout));
        }, timeout);
      }
    });
    // A wait that nobody looks at any more must not take the program down when the process ends.
    waiting.catch(() => {});
    return waiting;
  }

  /** All messages, one after the other. Ends with the process: by returning for a mailbox, by throwing in a function. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Term, void, void> {
    while (!this.exited) {
      let message: Term;
      try {
        message = await this.receive();
      } catch (error) {
        if (this.exited && !this.runs) return;
        throw error;
      }
      yield message;
    }
  }

  /** OTP: `register(Name, self())`. @throws ArgumentError `already_registered`, `badarg`. */
  register(name: string | Atom): void {
    this.mustLive();
    this.table.names.register(String(name), this);
  }

  unregister(name: string | Atom): void {
    this.table.names.unregister(String(name));
  }

  /** Links this process and another: when one ends, the other gets an exit signal. */
  link(pid: Pid): void {
    this.mustLive();
    if (pid.equals(this.pid)) return;
    if (this.relations.link(pid)) {
      this.table.related(this, pid.node);
      this.table.route({ kind: 'link', from: this.pid, to: pid });
    }
  }

  /** Takes a link back. After this call no exit signal of `pid` comes through it. */
  unlink(pid: Pid): void {
    this.mustLive();
    const id = this.relations.unlink(pid);
    if (id !== undefined) this.table.route({ kind: 'unlink', from: this.pid, to: pid, id });
    // As in OTP: an exit message that came before the call is the caller's to see; one that comes after is not.
  }

  /**
   * Watches a process: one `{'DOWN', Ref, process, Object, Reason}` message when it ends, or at once when it is not
   * there (`noproc`) or cannot be reached (`noconnection`). `Object` is the pid, or `{Name, Node}`.
   */
  monitor(
    to: Pid | string | Atom | { name: string | Atom; node: string | Atom },
    options: MonitorOptions = {},
  ): Reference {
    this.mustLive();
    const target = this.address(to) as Pid | RegisteredName;
    const ref = this.table.makeReference();
    this.relations.monitors.set(ref.key, { ref, target });
    if (options.alias !== undefined) this.table.aliases.add({ ref, process: this, mode: options.alias });
    this.table.related(this, target.node);
    this.table.route({ kind: 'monitor', from: this.pid, to: target, ref });
    return ref;
  }

  /** Stops watching. With `flush`, a DOWN message that has come already is taken out of the mailbox. */
  demonitor(ref: Reference, options: { readonly flush?: boolean } = {}): void {
    this.mustLive();
    const monitor = this.relations.monitors.get(ref.key);
    if (monitor !== undefined) {
      this.relations.monitors.delete(ref.key);
      this.table.route({ kind: 'demonitor', from: this.pid, to: monitor.target, ref });
    }
    this.table.aliases.demonitored(ref);
    if (options.flush === true) this.mailbox.flush((message) => isDown(message, ref));
  }

  /**
   * `exit(reason)` ends this process; inside a spawned function it also throws, so that the function stops there.
   * `exit(pid, reason)` sends an exit signal to another process (or to this one).
   */
  exit(reason?: Term): void;
  exit(pid: Pid, reason: Term): void;
  exit(...given: readonly Term[]): void {
    if (given.length === 2) {
      this.mustLive();
      const [to, reason] = given;
      if (!(to instanceof Pid))
        throw new ArgumentError('badarg', 'exit(pid, reason) needs a pid as its first argument');
      this.table.route({ kind: 'exit', from: this.pid, to, reason });
      return;
    }
    this.table.terminate(this, given.length === 0 ? NORMAL : (given[0] as Term));
    if (this.runs) throw this.exitError();
  }

  /** A reference that others can send to instead of the pid, until {@link unalias}. */
  alias(mode: Exclude<AliasMode, 'demonitor' | 'reply_demonitor'> = 'explicit_unalias'): Reference {
    this.mustLive();
    const ref = this.table.makeReference();
    this.table.aliases.add({ ref, process: this, mode });
    return ref;
  }

  /** @returns whether `ref` was an active alias of this process. */
  unalias(ref: Reference): boolean {
    if (this.table.aliases.get(ref)?.process !== this) return false;
    return this.table.aliases.remove(ref);
  }

  /**
   * OTP: `gen_server:call`. Works with every process that answers gen calls, in Erlang, Elixir or here.
   *
   * @throws ExitError `noproc`, `timeout` (5,000 ms unless told otherwise), `nodedown`, or the server's exit reason.
   */
  call(to: Destination, request: Term, options?: CallOptions): Promise<Term> {
    this.mustLive();
    return call(this, this.table, this.address(to), request, options);
  }

  /** OTP: `gen_server:cast`: a request without an answer; never fails. */
  cast(to: Destination, request: Term): void {
    this.mustLive();
    const address = this.address(to);
    this.table.route({ kind: 'message', from: this.pid, to: address, message: tuple(GEN_CAST, request) });
  }

  /** @internal The error that ends every wait of a process that has ended. */
  exitError(): ExitError {
    return exitError(this.ended?.reason, `process ${this.pid} has ended`);
  }

  /** @internal Called once, by the process table. */
  end(reason: Term): void {
    this.ended = { reason };
    const error = this.exitError();
    this.mailbox.close(error);
    for (const reject of [...this.pending]) reject(error);
    this.aborter?.abort(error);
  }

  /** @internal */
  address(to: Destination): Pid | RegisteredName | Reference {
    if (to instanceof Pid || to instanceof Reference) return to;
    if (typeof to === 'string') return { name: to, node: this.node };
    if (to instanceof Atom) return { name: to.text, node: this.node };
    if (to === null || typeof to !== 'object' || to.name === undefined || to.node === undefined) {
      throw new ArgumentError('badarg', 'a destination is a pid, a name, { name, node } or an alias reference');
    }
    return { name: String(to.name), node: String(to.node) };
  }

  private mustLive(): void {
    if (this.ended !== undefined) throw this.exitError();
  }
}

const GEN_CAST = atom('$gen_cast');
const DOWN = atom('DOWN');

function isDown(message: Term, ref: Reference): boolean {
  return message instanceof Tuple && message.elements[0] === DOWN && ref.equals(message.elements[1]);
}
