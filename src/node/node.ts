// A node: its processes, its connections, and how signals find their way between the two.
// Everything here belongs to one node; any number of nodes can live in one JavaScript process.

import { inWords } from '../arguments.js';
import type { Registration } from '../discovery/discovery.js';
import type { Established } from '../dist/handshake/handshake.js';
import { ArgumentError, ConnectionError } from '../errors.js';
import { erpc, erpcCast, findWithErpc, type RpcOptions, rpc } from '../otp/erpc.js';
import { ioServer } from '../otp/io-server.js';
import { isAuth, netKernel } from '../otp/net-kernel.js';
import { processInfo } from '../otp/process-info.js';
import { rex } from '../otp/rex.js';
import { checkIsFunction, checkIsPid, checkWaitOptions, nameText } from '../process/arguments.js';
import type { CallOptions } from '../process/call.js';
import type { Destination } from '../process/destination.js';
import { SHUTDOWN } from '../process/exit-reason.js';
import type { Process } from '../process/process.js';
import { ProcessTable } from '../process/process-table.js';
import { type RemoteFunction, remoteFunction } from '../process/request-spawn.js';
import type { ProcessFunction, SpawnOptions } from '../process/spawn-options.js';
import { serveSpawnRequest } from '../process/spawn-request.js';
import { startTimeout } from '../process/timer.js';
import type { WaitOptions } from '../process/wait.js';
import { Atom, atom } from '../term/atom.js';
import type { Pid } from '../term/identifiers.js';
import type { Term } from '../term/term.js';
import { tuple } from '../term/tuple.js';
import type { ByteStream, ByteStreamSink, Listener, Transport } from '../transport/transport.js';
import { Distribution, type DistributionOptions } from './distribution.js';
import { Exposed, type ExposedModule } from './exposed.js';
import type { ConnectionInfo } from './info.js';
import type { BusyEvent, EventOptions, NodeEvent } from './monitor-nodes.js';
import { parseNodeName } from './node-name.js';
import { NODE_LIMITS } from './options.js';
import { describeSignal } from './remote-signals.js';

/** What a node is made of when it is put together. */
export interface NodeParts extends Omit<DistributionOptions, 'deliver' | 'nodeDown'> {
  readonly seed: number;
  /** The first one is registered. */
  readonly listeners: readonly Listener[];
  readonly registration: Registration | undefined;
}

/** Which nodes {@link Node.nodes} names; OTP's words. */
export type NodeKind = 'visible' | 'hidden' | 'connected';

const NODE_KINDS: readonly NodeKind[] = ['visible', 'hidden', 'connected'];

/** A place where a node listens. */
export interface ListeningAt {
  /** As the transport has it: an address, or whatever it calls a place. */
  readonly host: string;
  readonly port: number;
}

export class Node {
  readonly name: string;
  /** Which life of this node its identifiers belong to. */
  readonly creation: number;
  readonly #parts: NodeParts;
  readonly #processes: ProcessTable;
  readonly #distribution: Distribution;
  readonly #exposed = new Exposed();
  /** Speaks for the node itself; what is sent to it is dropped. */
  readonly #self: Process;
  readonly #onAbort = (): void => void this.stop();
  #stopping: Promise<void> | undefined;
  /** Aborted when a stop must not wait any longer. */
  readonly #hurry = new AbortController();

  /** @internal Use startNode. */
  constructor(parts: NodeParts) {
    const { name, creation, seed, log } = parts;
    this.#parts = parts;
    this.name = name;
    this.creation = creation;
    const find = this.#exposed.find.bind(this.#exposed);
    if (parts.options.introspection === true) {
      const info = processInfo((pid) => this.#processes.get(pid));
      for (const arity of [1, 2]) this.#exposed.add('erlang', 'process_info', arity, info);
    }
    // What a remote shell and observer ask before they start their own code here: they end with a word, not with a crash.
    this.#exposed.add('code', 'ensure_loaded', 1, () => NO_SUCH_CODE);
    this.#processes = new ProcessTable({
      node: name,
      creation,
      seed,
      maxMessages: parts.options.limits?.mailboxMessages ?? NODE_LIMITS.mailboxMessages,
      remote: (signal) => this.#distribution.send(signal),
      whenDrained: (node, tell) => this.#distribution.whenDrained(node, tell),
      onCrash: ({ pid, names }, thrown) =>
        log.error({ pid: String(pid), names: [...names], ...describeThrown(thrown) }, 'process crashed'),
      onLost: (signal, error) => log.error({ reason: messageOf(error) }, `dropped a ${describeSignal(signal)}`),
      onSpawnRequest: (request) => serveSpawnRequest(this.#processes, request, findWithErpc(find)),
    });
    this.#distribution = new Distribution({
      ...parts,
      deliver: (signal) => this.#processes.deliver(signal),
      nodeDown: (node, because) => this.#processes.nodeDown(node, because),
    });
    this.#processes.groupLeader = this.#processes.spawn(ioServer, { name: 'user', system: true }).pid;
    this.#self = this.#processes.spawn(discard, { system: true });
    this.#processes.spawn(netKernel, { name: 'net_kernel', system: true });
    this.#processes.spawn(rex(find), { name: 'rex', system: true });
    parts.options.signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** The port that this node listens on, the one that others are told of; undefined when it does not listen. */
  get port(): number | undefined {
    return this.#parts.listeners[0]?.port;
  }

  /** Where this node listens, the place that others are told of first. */
  get listeners(): readonly ListeningAt[] {
    return this.#parts.listeners.map(({ host, port }) => ({ host, port }));
  }

  /**
   * Starts a process that runs `run`: it lives as long as the function does, what the function throws is its exit
   * reason, and it can be linked, monitored and killed from other nodes.
   *
   * @throws ArgumentError `already_registered` when `options.name` is taken.
   */
  spawn(run: ProcessFunction, options: SpawnOptions = {}): Pid {
    this.#mustRun();
    checkIsFunction(run, 'spawn()');
    return this.#processes.spawn(run, options).pid;
  }

  /** A process without a function, for code that is not one: it lives until its `exit()`, or until the node stops. */
  spawnMailbox(options: SpawnOptions = {}): Process {
    this.#mustRun();
    return this.#processes.spawn(undefined, options);
  }

  /**
   * OTP: `net_kernel:connect_node/1`. Sending to a node connects it, too.
   *
   * @throws ConnectionError `noport`, `econnrefused`, `epmd_unreachable`, `timeout` …; HandshakeError `bad_cookie`,
   * `not_allowed` …; ArgumentError `badarg` for something that is no node name. Whoever gives up by `timeout` or
   * `signal` waits no longer; the attempt itself lasts as long as the setup time lets it.
   * A failure that nobody awaits or catches does not end the program, and is told nowhere else.
   */
  connect(node: string | Atom, options: WaitOptions = {}): Promise<void> {
    return orRejected(() => {
      this.#mustRun();
      checkWaitOptions(options, 'connect()');
      const name = this.#checkedName(node);
      if (name === this.name) return Promise.resolve();
      const connected = this.#distribution.connect(name, options);
      // An attempt that nobody waits for must not take the program down; the log has it.
      connected.catch(() => {});
      return connected;
    });
  }

  /** OTP: `erlang:disconnect_node/1`. @returns whether there was a connection. */
  disconnect(node: string | Atom): boolean {
    const name = nameText(node, 'disconnect()');
    const controller = this.#distribution.get(name);
    controller?.close(new ConnectionError('disconnected', `this node has disconnected from ${name}`));
    return controller !== undefined;
  }

  /**
   * OTP: `net_adm:ping/1`. The log says why a `'pang'` is one; a `timeout` is a `'pang'`, too. Without one it takes as
   * long as connecting does, and 5,000 ms for the answer.
   *
   * @throws ConnectionError, ExitError `aborted` when `signal` was aborted.
   */
  async ping(node: string | Atom, options: WaitOptions = {}): Promise<'pong' | 'pang'> {
    checkWaitOptions(options, 'ping()');
    const name = this.#checkedName(node);
    if (name === this.name) return this.#stopping === undefined ? 'pong' : 'pang';
    const { timeout, signal } = options;
    const start = performance.now();
    try {
      await this.connect(name, options);
      const left = timeout === undefined ? 5000 : Math.max(0, timeout - (performance.now() - start));
      const limits = signal === undefined ? { timeout: left } : { timeout: left, signal };
      return (await isAuth(this.#self, name, limits)) ? 'pong' : 'pang';
    } catch (error) {
      if (signal?.aborted === true) throw error;
      this.#parts.log.info({ peer: name, reason: messageOf(error) }, 'ping failed');
      return 'pang';
    }
  }

  /** OTP: `nodes/1`. Connections of a hidden node are hidden on both sides. */
  nodes(kind: NodeKind = 'visible'): string[] {
    if (!NODE_KINDS.includes(kind)) {
      const given = typeof kind === 'string' ? JSON.stringify(String(kind).slice(0, 100)) : inWords(kind);
      throw new ArgumentError('badarg', `nodes() takes one of ${NODE_KINDS.join(', ')}, not ${given}`);
    }
    return this.#distribution
      .up()
      .filter(({ hidden }) => kind === 'connected' || hidden === (kind === 'hidden'))
      .map(({ peer }) => peer);
  }

  /**
   * OTP: `net_kernel:monitor_nodes/2`. Events from now on; leave the loop (or call `return()`) to stop listening. Ends when
   * the node stops.
   *
   * @throws LimitError `too_many_events` from the iterator, behind the events that were queued, when it was read too
   * slowly; start again from {@link nodes}. ConnectionError `aborted`.
   */
  monitorNodes(options: EventOptions = {}): AsyncIterableIterator<NodeEvent> {
    return this.#distribution.events(options);
  }

  /** How the connections fare, those to come included: all of them, or the one to `node` if there is one. */
  info(): ConnectionInfo[];
  info(node: string | Atom): ConnectionInfo | undefined;
  info(node?: string | Atom): ConnectionInfo[] | ConnectionInfo | undefined {
    if (node === undefined) return this.#distribution.info();
    return this.#distribution.info(nameText(node, 'info()'))[0];
  }

  /**
   * Peers that take longer to read than we to send (OTP: busy_dist_port), and when they have caught up, or are
   * gone. Ends as {@link monitorNodes} does.
   */
  monitorBusy(options: EventOptions = {}): AsyncIterableIterator<BusyEvent> {
    return this.#distribution.busyEvents(options);
  }

  /**
   * Back-pressure: resolves when less than the busy mark (1 MiB unless `limits.busyBytes` says otherwise) waits to be
   * sent to `node`; at once when nothing does, or when there is no connection. `send` itself never waits.
   *
   * @throws ExitError `timeout`, `aborted`, or `shutdown` when this node stops meanwhile; ConnectionError `node_stopped`.
   */
  drained(node: string | Atom, options?: WaitOptions): Promise<void> {
    return orRejected(() => {
      this.#mustRun();
      return this.#self.drained(node, options);
    });
  }

  /** @throws ArgumentError `already_registered`, or `badarg` when the process has ended. */
  register(name: string | Atom, pid: Pid): void {
    checkIsPid(pid, 'register()');
    const process = this.#processes.get(pid);
    if (process === undefined) throw new ArgumentError('badarg', `${pid} is no living process of ${this.name}`);
    this.#processes.names.register(nameText(name, 'register()'), process);
  }

  /** @throws ArgumentError `badarg` when nobody has the name. */
  unregister(name: string | Atom): void {
    this.#processes.names.unregister(nameText(name, 'unregister()'));
  }

  /** OTP: `whereis/1`. @returns undefined when no process of this node has the name. */
  whereis(name: string | Atom): Pid | undefined {
    return this.#processes.names.whereis(nameText(name, 'whereis()'))?.pid;
  }

  /** OTP: `registered/0`, of this node: `net_kernel` and its other own names included. */
  registered(): string[] {
    return this.#processes.names.registered();
  }

  /** Sends as the node itself; see {@link Process.send}. */
  send(to: Destination, message: Term): void {
    this.#mustRun();
    this.#self.send(to, message);
  }

  /** A gen call as the node itself; see {@link Process.call}. */
  call(to: Destination, request: Term, options?: CallOptions): Promise<Term> {
    return orRejected(() => {
      this.#mustRun();
      return this.#self.call(to, request, options);
    });
  }

  /** A gen cast as the node itself; see {@link Process.cast}. */
  cast(to: Destination, request: Term): void {
    this.#mustRun();
    this.#self.cast(to, request);
  }

  /** OTP: `rpc:call/5`. @throws ExitError `badrpc` with OTP's reason; when nobody awaits it, told nowhere. */
  rpc(
    node: string | Atom,
    module: string | Atom,
    name: string | Atom,
    args: readonly Term[],
    options?: RpcOptions,
  ): Promise<Term> {
    return orRejected(() => rpc(this.#self, this.#processes, this.#remote(node, module, name, args), options));
  }

  /** OTP: `erpc:call/5`. @throws ExitError with OTP's reason; when nobody awaits it, told nowhere. */
  erpc(
    node: string | Atom,
    module: string | Atom,
    name: string | Atom,
    args: readonly Term[],
    options?: RpcOptions,
  ): Promise<Term> {
    return orRejected(() => erpc(this.#self, this.#processes, this.#remote(node, module, name, args), options));
  }

  /** OTP: `erpc:cast/4`: runs a function on another node; nobody hears of the outcome. */
  erpcCast(node: string | Atom, module: string | Atom, name: string | Atom, args: readonly Term[]): void {
    erpcCast(this.#self, this.#processes, this.#remote(node, module, name, args));
  }

  /**
   * Lets other nodes call `functions` as `module:name/arity`, with rpc, erpc and spawn. Nothing else can be called; of
   * what Erlang's tools ask, `code:ensure_loaded` is answered with `{error, nofile}`, for there is no Erlang code here, and
   * `erlang:process_info` only with the option `introspection`.
   */
  expose(module: string, functions: ExposedModule): void {
    this.#exposed.expose(module, functions);
  }

  /**
   * Ends the node: its name is free, its processes end with `shutdown`, and no socket or timer is left. What was sent
   * before is delivered, as far as peers can be reached and take it within a second each. A second call waits for the first.
   *
   * Instead of that second, and of the five that plug-ins have to close, the first call can give all of them `timeout`
   * milliseconds. Whatever is still open when the `timeout` or the `signal` of any call ends it is closed at once, without
   * what it has not sent; that is no error.
   */
  stop(options: WaitOptions = {}): Promise<void> {
    return orRejected(() => {
      checkWaitOptions(options, 'stop()');
      const { timeout, signal } = options;
      const hurry = (): void => this.#hurry.abort();
      signal?.addEventListener('abort', hurry, { once: true });
      if (signal?.aborted === true) hurry();
      const timer = startTimeout(timeout, hurry);
      this.#stopping ??= this.#shutDown(timeout);
      return this.#stopping.finally(() => {
        signal?.removeEventListener('abort', hurry);
        timer?.cancel();
      });
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** @internal A stream that a listener of this transport has accepted. */
  accept(stream: ByteStream, transport: Transport): void {
    this.#distribution.accept(stream, transport);
  }

  /** @internal The connection that gave this node its name. */
  adopt(established: Established, stream: ByteStream): ByteStreamSink {
    return this.#distribution.adopt(established, stream, 'out', false);
  }

  async #shutDown(timeout: number | undefined): Promise<void> {
    const { listeners, log, options, registration } = this.#parts;
    options.signal?.removeEventListener('abort', this.#onAbort);
    log.info({}, 'node stops');
    // A program that sends and stops means what it has sent, also where nobody is connected yet.
    const grace = timeout ?? GRACE;
    if (this.#distribution.unsent) await this.#distribution.sent(grace, this.#hurry.signal);
    this.#distribution.close();
    this.#processes.stop(SHUTDOWN);
    const time = timeout ?? CLOSE_TIME;
    await Promise.all([
      this.#closed('registration', time, async () => registration?.close()),
      ...listeners.map((listener) => this.#closed('listener', time, async () => listener.close())),
      this.#closed('carrier', time, () => this.#distribution.end(grace, this.#hurry.signal)),
    ]);
    this.#distribution.endEvents();
  }

  /** A plug-in that fails to close, or never does, must not keep the rest of the node from closing. */
  async #closed(part: string, time: number, close: () => Promise<void>): Promise<void> {
    const { signal } = this.#hurry;
    let giveUp = (): void => {};
    const late = new Promise<never>((_resolve, reject) => {
      giveUp = () => reject(new ConnectionError('timeout', `the ${part} did not close in time`));
    });
    const timers = [startTimeout(time, giveUp)];
    const hurry = (): number => timers.push(startTimeout(HURRY, giveUp));
    signal.addEventListener('abort', hurry, { once: true });
    if (signal.aborted) hurry();
    try {
      await Promise.race([close(), late]);
    } catch (error) {
      this.#parts.log.error({ reason: messageOf(error) }, `the ${part} failed to close`);
    } finally {
      for (const timer of timers) timer?.cancel();
      signal.removeEventListener('abort', hurry);
    }
  }

  #checkedName(node: string | Atom): string {
    const { alive, host } = parseNodeName(node instanceof Atom ? node.text : node);
    return `${alive}@${host}`;
  }

  #remote(node: string | Atom, module: string | Atom, name: string | Atom, args: readonly Term[]): RemoteFunction {
    this.#mustRun();
    return remoteFunction(this.#checkedName(node), module, name, args);
  }

  #mustRun(): void {
    if (this.#stopping !== undefined) throw new ConnectionError('node_stopped', `${this.name} has been stopped`);
  }
}

/** What keeps a promise from being made is its rejection: nobody looks for errors in two places. */
function orRejected<Value>(make: () => Promise<Value>): Promise<Value> {
  try {
    return make();
  } catch (error) {
    return Promise.reject(error);
  }
}

/** Milliseconds that a plug-in has to close what it opened. */
const CLOSE_TIME = 5000;

const NO_SUCH_CODE = tuple(atom('error'), atom('nofile'));
/** Milliseconds that peers have to take what was sent before a stop. */
const GRACE = 1000;

/** Milliseconds to close for those who could do it at once, when the stop must not wait any longer. */
const HURRY = 100;

const discard: ProcessFunction = async (self) => {
  for await (const _message of self);
};

/** For the crash report: what an Error says of itself; of a thrown term nothing, for it may hold messages. */
function describeThrown(thrown: unknown): { readonly error: string; readonly stack?: readonly string[] } {
  if (!(thrown instanceof Error)) return { error: `threw a ${typeof thrown}` };
  // As a list, for a log line cuts a text, and escapes its line ends.
  const lines = String(thrown.stack ?? '').split('\n');
  const frames = lines.filter((line) => /^ +at /.test(line)).map((line) => line.trim());
  return { error: `${thrown.name}: ${thrown.message}`, stack: frames };
}

function messageOf(error: unknown): string | undefined {
  return error instanceof Error ? error.message : undefined;
}
