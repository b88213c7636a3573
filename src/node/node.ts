// A node: its processes, its connections, and how signals find their way between the two.
// Everything here belongs to one node; any number of nodes can live in one JavaScript process.

import type { Discovery, Registration } from '../discovery/discovery.js';
import { ANNOUNCED_FLAGS, DFLAG, flagNames, hasFlags } from '../dist/flags.js';
import type { Established } from '../dist/handshake/handshake.js';
import { CONNECTION_LIMITS } from '../dist/limits.js';
import { ArgumentError, ConnectionError, ErlnodeError, type HandshakeError } from '../errors.js';
import { erpc, executeCall, executeCast, type RpcOptions, rpc } from '../otp/erpc.js';
import { isAuth, netKernel } from '../otp/net-kernel.js';
import { rex } from '../otp/rex.js';
import type { CallOptions } from '../process/call.js';
import { SHUTDOWN } from '../process/exit-reason.js';
import type { Destination, Process } from '../process/process.js';
import { type ProcessFunction, ProcessTable, type SpawnOptions } from '../process/process-table.js';
import { destinationNode, type Signal } from '../process/signal.js';
import { serveSpawnRequest } from '../process/spawn-request.js';
import type { Atom } from '../term/atom.js';
import { format } from '../term/format.js';
import type { Pid } from '../term/identifiers.js';
import type { Term } from '../term/term.js';
import type { ByteStream, ByteStreamSink, Listener, Transport } from '../transport/transport.js';
import { Acceptors } from './accept.js';
import { Challenges, dial } from './connect.js';
import { type Attempt, Connections } from './connections.js';
import { DistController } from './dist-controller.js';
import { Exposed, type ExposedModule } from './exposed.js';
import type { Log } from './log.js';
import { type NodeEvent, NodeMonitors } from './monitor-nodes.js';
import { type ParsedNodeName, parseNodeName } from './node-name.js';
import { NODE_LIMITS, type NodeOptions } from './options.js';
import { connects, describeSignal, fromControl, toControl } from './remote-signals.js';

/** What a node is made of when it is put together. */
export interface NodeParts {
  readonly name: string;
  readonly creation: number;
  readonly seed: number;
  readonly options: NodeOptions;
  readonly discovery: Discovery;
  readonly transport: Transport;
  readonly cookie: (peer: string) => string;
  readonly log: Log;
  readonly listener: Listener | undefined;
  readonly registration: Registration | undefined;
}

/** Which nodes {@link Node.nodes} names; OTP's words. */
export type NodeKind = 'visible' | 'hidden' | 'connected';

/** How one connection fares. */
export interface ConnectionInfo {
  readonly node: string;
  readonly hidden: boolean;
  readonly creation: number;
  /** The negotiated flags, by their names in the specification. */
  readonly flags: readonly string[];
  /** The other end of the stream. */
  readonly remote: string;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly messagesIn: number;
  readonly messagesOut: number;
  /** Bytes that have not left this process yet. */
  readonly queuedBytes: number;
  /** Whether `queuedBytes` is over the busy mark: producers should wait. */
  readonly busy: boolean;
}

export class Node {
  readonly name: string;
  /** Which life of this node its identifiers belong to. */
  readonly creation: number;
  private readonly parts: NodeParts;
  private readonly log: Log;
  private readonly processes: ProcessTable;
  private readonly connections: Connections;
  private readonly acceptors: Acceptors;
  private readonly challenges = new Challenges();
  private readonly monitors = new NodeMonitors();
  private readonly exposed = new Exposed();
  /** Speaks for the node itself; what is sent to it is dropped. */
  private readonly self: Process;
  private stopping: Promise<void> | undefined;

  /** @internal Use startNode. */
  constructor(parts: NodeParts) {
    const { name, creation, seed, options } = parts;
    this.parts = parts;
    this.name = name;
    this.creation = creation;
    this.log = parts.log;
    const setupTime = (options.setupTime ?? 7) * 1000;
    const limits = { ...NODE_LIMITS, ...CONNECTION_LIMITS, ...options.limits };
    const allow = options.allow ?? (() => true);
    const identity = { node: name, creation, flags: ANNOUNCED_FLAGS };
    const find = this.exposed.find.bind(this.exposed);
    this.exposed.add('erpc', 'execute_call', 4, executeCall(find));
    this.exposed.add('erpc', 'execute_cast', 3, executeCast(find));
    this.processes = new ProcessTable({
      node: name,
      creation,
      seed,
      remote: (signal) => this.sendRemote(signal),
      onCrash: ({ pid, names }, thrown) =>
        this.log.error({ pid: String(pid), names: [...names], ...describeThrown(thrown) }, 'process crashed'),
      onLost: (signal, error) => this.log.error({ reason: messageOf(error) }, `dropped a ${describeSignal(signal)}`),
      onSpawnRequest: (request) => serveSpawnRequest(this.processes, request, find),
    });
    this.connections = new Connections({
      self: name,
      setupTime,
      queuedSignals: limits.queuedSignals,
      open: (established, stream) => this.open(established, stream, limits),
      onUp: (controller) => this.nodeUp(controller),
      onDown: (controller, reason) => this.nodeDown(controller, reason),
      onFailed: (peer, error) => this.connectFailed(peer, error),
      transmit: (controller, signal) => this.transmitQueued(controller, signal),
      dial: (peer) =>
        dial(peer, {
          identity,
          discovery: parts.discovery,
          transport: parts.transport,
          setupTime,
          challenges: this.challenges,
          cookie: parts.cookie,
          allow,
          stillWanted: (wanted) => this.connections.stillWanted(wanted),
          onEstablished: (established, stream) => this.adopt(established, stream, false),
          onFailed: (failed: string, attempt: Attempt, error: Error) => this.connections.failed(failed, attempt, error),
        }),
    });
    this.acceptors = new Acceptors({
      identity,
      transport: parts.transport,
      setupTime,
      unauthenticated: limits.unauthenticated,
      challenges: this.challenges,
      cookie: parts.cookie,
      allow,
      decide: (peer) => this.connections.decide(peer),
      onEstablished: (established, stream, replacing) => this.adopt(established, stream, replacing),
      onFailed: (remote, peer, error) => this.refused(remote, peer, error),
    });
    this.self = this.processes.spawn(discard, { system: true });
    this.processes.spawn(netKernel, { name: 'net_kernel', system: true });
    this.processes.spawn(rex(find), { name: 'rex', system: true });
  }

  /** The port that this node listens on; undefined when it does not listen. */
  get port(): number | undefined {
    return this.parts.listener?.port;
  }

  /**
   * Starts a process that runs `run`: it lives as long as the function does, what the function throws is its exit
   * reason, and it can be linked, monitored and killed from other nodes.
   *
   * @throws ArgumentError `already_registered` when `options.name` is taken.
   */
  spawn(run: ProcessFunction, options: SpawnOptions = {}): Pid {
    this.mustRun();
    return this.processes.spawn(run, options).pid;
  }

  /** A process without a function, for code that is not one: it lives until its `exit()`, or until the node stops. */
  spawnMailbox(options: SpawnOptions = {}): Process {
    this.mustRun();
    return this.processes.spawn(undefined, options);
  }

  /**
   * OTP: `net_kernel:connect_node/1`. Sending to a node connects it, too.
   *
   * @throws ConnectionError `noport`, `econnrefused`, `epmd_unreachable`, `timeout` …; HandshakeError `bad_cookie`,
   * `not_allowed` …; ArgumentError `badarg` for something that is no node name.
   */
  async connect(node: string | Atom, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    this.mustRun();
    const name = this.checkedName(node);
    if (name === this.name) return;
    const { signal } = options;
    if (signal?.aborted === true) throw new ConnectionError('aborted', `connecting to ${name} was aborted`);
    const connected = this.connections.connect(name);
    if (signal === undefined) return connected;
    return new Promise((resolve, reject) => {
      const onAbort = (): void => reject(new ConnectionError('aborted', `connecting to ${name} was aborted`));
      signal.addEventListener('abort', onAbort, { once: true });
      connected.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
    });
  }

  /** OTP: `erlang:disconnect_node/1`. @returns whether there was a connection. */
  disconnect(node: string | Atom): boolean {
    const controller = this.connections.get(String(node));
    controller?.close(new ConnectionError('disconnected', `this node has disconnected from ${String(node)}`));
    return controller !== undefined;
  }

  /** OTP: `net_adm:ping/1`. The log says why a `'pang'` is one. */
  async ping(node: string | Atom, options: CallOptions = {}): Promise<'pong' | 'pang'> {
    const name = this.checkedName(node);
    if (name === this.name) return 'pong';
    try {
      await this.connect(name, options);
      return (await isAuth(this.self, name, { timeout: 5000, ...options })) ? 'pong' : 'pang';
    } catch (error) {
      this.log.info({ peer: name, reason: messageOf(error) }, 'ping failed');
      return 'pang';
    }
  }

  /** OTP: `nodes/1`. Connections of a hidden node are hidden on both sides. */
  nodes(kind: NodeKind = 'visible'): string[] {
    return this.connections
      .up()
      .filter(({ hidden }) => kind === 'connected' || hidden === (kind === 'hidden'))
      .map(({ peer }) => peer);
  }

  /** OTP: `net_kernel:monitor_nodes/2`. Events from now on; leave the loop to stop listening. */
  monitorNodes(): AsyncIterableIterator<NodeEvent> {
    return this.monitors.listen();
  }

  /** How the connection to `node` fares; undefined when there is none. */
  info(node: string | Atom): ConnectionInfo | undefined {
    const controller = this.connections.get(String(node));
    if (controller === undefined) return undefined;
    const { bytesIn, bytesOut, messagesIn, messagesOut } = controller.statistics;
    return {
      node: controller.peer,
      hidden: controller.hidden,
      creation: controller.established.peerCreation,
      flags: flagNames(controller.established.flags),
      remote: controller.remote,
      bytesIn,
      bytesOut,
      messagesIn,
      messagesOut,
      queuedBytes: controller.queuedBytes,
      busy: controller.busy,
    };
  }

  /** @throws ArgumentError `already_registered`, or `badarg` when the process has ended. */
  register(name: string | Atom, pid: Pid): void {
    const process = this.processes.get(pid);
    if (process === undefined) throw new ArgumentError('badarg', `${pid} is no living process of ${this.name}`);
    this.processes.names.register(String(name), process);
  }

  /** @throws ArgumentError `badarg` when nobody has the name. */
  unregister(name: string | Atom): void {
    this.processes.names.unregister(String(name));
  }

  whereis(name: string | Atom): Pid | undefined {
    return this.processes.names.whereis(String(name))?.pid;
  }

  registered(): string[] {
    return this.processes.names.registered();
  }

  /** Sends as the node itself; see {@link Process.send}. */
  send(to: Destination, message: Term): void {
    this.mustRun();
    this.self.send(to, message);
  }

  /** A gen call as the node itself; see {@link Process.call}. */
  call(to: Destination, request: Term, options?: CallOptions): Promise<Term> {
    this.mustRun();
    return this.self.call(to, request, options);
  }

  cast(to: Destination, request: Term): void {
    this.mustRun();
    this.self.cast(to, request);
  }

  /** OTP: `rpc:call/5`. @throws ExitError `badrpc` with OTP's reason. */
  rpc(node: string | Atom, module: string, name: string, args: readonly Term[], options?: RpcOptions): Promise<Term> {
    this.mustRun();
    const what = { node: this.checkedName(node), module, function: name, args };
    return rpc(this.self, this.processes, what, options);
  }

  /** OTP: `erpc:call/5`. @throws ExitError with OTP's reason. */
  erpc(node: string | Atom, module: string, name: string, args: readonly Term[], options?: RpcOptions): Promise<Term> {
    this.mustRun();
    const what = { node: this.checkedName(node), module, function: name, args };
    return erpc(this.self, this.processes, what, options);
  }

  /** Lets other nodes call `functions` as `module:name/arity`, with rpc, erpc and spawn. Nothing else can be called. */
  expose(module: string, functions: ExposedModule): void {
    this.exposed.expose(module, functions);
  }

  /**
   * Ends the node: its name is free, its processes end with `shutdown`, what was sent before is delivered, and no
   * socket or timer is left. A second call waits for the first.
   */
  stop(): Promise<void> {
    this.stopping ??= this.shutDown();
    return this.stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** @internal A stream that the listener has accepted. */
  accept(stream: ByteStream): void {
    if (this.stopping === undefined) this.acceptors.accept(stream);
    else stream.destroy();
  }

  private async shutDown(): Promise<void> {
    this.log.info({}, 'node stops');
    const { listener, registration } = this.parts;
    this.connections.stop(new ConnectionError('node_stopped', `${this.name} has been stopped`));
    this.acceptors.stop();
    this.processes.stop(SHUTDOWN);
    const open = this.connections.up();
    await Promise.all([
      registration?.close(),
      listener?.close(),
      ...open.map((controller) => controller.end(STOP_GRACE)),
    ]);
    this.monitors.end();
  }

  private open(established: Established, stream: ByteStream, limits: typeof NODE_LIMITS & typeof CONNECTION_LIMITS) {
    const { options } = this.parts;
    const { peer } = established;
    const controller: DistController = new DistController({
      self: this.name,
      established,
      stream,
      connection: {
        limits,
        terms: { ...options.terms, ...(options.limits?.terms === undefined ? {} : { limits: options.limits.terms }) },
        tickTime: options.netTickTime ?? 60,
      },
      busyBytes: limits.busyBytes,
      queueBytes: limits.queueBytes,
      onControl: (message) => this.processes.deliver(fromControl(message, this.name, peer)),
      onBusy: (busy) => this.log.debug({ peer, busy }, busy ? 'peer is busy' : 'peer is no longer busy'),
      onDown: (reason) => this.connections.wentDown(controller, reason),
    });
    return controller;
  }

  private adopt(established: Established, stream: ByteStream, replacing: boolean): ByteStreamSink {
    return this.connections.established(established, stream, replacing) ?? CLOSED;
  }

  private nodeUp({ peer, hidden, remote }: DistController): void {
    this.log.info({ peer, hidden, remote }, 'nodeup');
    this.monitors.emit({ type: 'nodeup', node: peer, hidden });
  }

  private nodeDown({ peer, hidden }: DistController, reason: Error | undefined): void {
    const level = reason === undefined || isClosing(reason) ? 'info' : 'warn';
    this.log[level]({ peer, reason: messageOf(reason), code: codeOf(reason) }, 'nodedown');
    this.processes.nodeDown(peer);
    this.monitors.emit({ type: 'nodedown', node: peer, hidden, ...(reason === undefined ? {} : { reason }) });
  }

  private connectFailed(peer: string, error: Error): void {
    this.log.warn({ peer, code: codeOf(error), reason: messageOf(error) }, 'could not connect');
    this.processes.nodeDown(peer);
  }

  private refused(remote: string, peer: string | undefined, error: HandshakeError): void {
    if (peer !== undefined) this.connections.incomingFailed(peer);
    const source = remote.replace(/:\d+$/, '');
    this.log
      .limited(source)
      .warn({ remote, peer, code: error.code, step: error.step, reason: error.message }, 'connection refused');
  }

  private sendRemote(signal: Signal): void {
    const node = destinationNode(signal);
    const controller = this.connections.get(node);
    if (controller !== undefined) this.transmit(controller, signal);
    else if (connects(signal) && this.stopping === undefined) {
      this.checkedName(node);
      this.connections.queue(node, signal);
    }
  }

  private transmit(controller: DistController, signal: Signal): void {
    let told: boolean;
    try {
      told = controller.send(toControl(signal));
    } catch (error) {
      // A reason that has no Erlang form must not keep the other side from hearing of the end itself.
      if (!('reason' in signal) || !(error instanceof ArgumentError)) throw error;
      told = controller.send(toControl({ ...signal, reason: format(signal.reason, { limit: 1000 }) }));
    }
    if (!told) this.untold(controller, signal);
    else if (signal.kind === 'unlink' && !hasFlags(controller.established.flags, DFLAG.DFLAG_UNLINK_ID)) {
      // The old link protocol has no acknowledgement (protocol section 4.1).
      const { from, to, id = 0 } = signal;
      this.processes.deliver({ kind: 'unlinkAck', from: to, to: from, id });
    }
  }

  private transmitQueued(controller: DistController, signal: Signal): void {
    try {
      this.transmit(controller, signal);
    } catch (error) {
      // The sender has gone on long ago; a connection must not suffer for it.
      this.log.error({ peer: controller.peer, reason: messageOf(error) }, `dropped a ${describeSignal(signal)}`);
    }
  }

  /** The peer did not announce what it takes to understand a signal: do what a BEAM does then (protocol section 4.3). */
  private untold(controller: DistController, signal: Signal): void {
    if (signal.kind === 'spawnRequest') {
      const { ref, from } = signal;
      this.processes.deliver({ kind: 'spawnReply', ref, to: from, result: 'notsup', link: false, monitor: false });
    }
    this.log.debug({ peer: controller.peer }, `the peer does not understand a ${describeSignal(signal)}`);
  }

  private checkedName(node: string | Atom): string {
    const parsed: ParsedNodeName = parseNodeName(String(node));
    return `${parsed.alive}@${parsed.host}`;
  }

  private mustRun(): void {
    if (this.stopping !== undefined) throw new ConnectionError('node_stopped', `${this.name} has been stopped`);
  }
}

/** Milliseconds that peers have to take what was sent before a stop. */
const STOP_GRACE = 1000;

const CLOSED: ByteStreamSink = { onData() {}, onDrain() {}, onClose() {} };

const discard: ProcessFunction = async (self) => {
  for await (const _message of self);
};

/** For the crash report: what an Error says of itself; of a thrown term nothing, for it may hold messages. */
function describeThrown(thrown: unknown): { readonly error: string; readonly stack?: string } {
  if (!(thrown instanceof Error)) return { error: `threw a ${typeof thrown}` };
  return { error: `${thrown.name}: ${thrown.message}`, ...(thrown.stack === undefined ? {} : { stack: thrown.stack }) };
}

function isClosing(reason: Error): boolean {
  const code = codeOf(reason);
  return code === 'connection_closed' || code === 'disconnected';
}

function codeOf(error: Error | undefined): string | undefined {
  return error instanceof ErlnodeError ? error.code : undefined;
}

function messageOf(error: unknown): string | undefined {
  return error instanceof Error ? error.message : undefined;
}
