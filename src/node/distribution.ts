// The distribution of a node (OTP: what net_kernel and dist.c share): connections made, accepted and lost, and the
// signals that travel on them. It knows the node's processes only as the place where signals are delivered.
import type { Discovery } from '../discovery/discovery.js';
import { ANNOUNCED_FLAGS, DFLAG, hasFlags } from '../dist/flags.js';
import type { Decision } from '../dist/handshake/acceptor.js';
import type { Established } from '../dist/handshake/handshake.js';
import { ArgumentError, ConnectionError, ErlnodeError, HandshakeError, LimitError } from '../errors.js';
import { encodeParts } from '../etf/encode.js';
import { unsendable } from '../otp/outcome.js';
import { destinationNode, type Signal } from '../process/signal.js';
import { startTimeout } from '../process/timer.js';
import type { WaitOptions } from '../process/wait.js';
import { format } from '../term/format.js';
import type { ByteStream, ByteStreamSink, Transport } from '../transport/transport.js';
import { Acceptors } from './accept.js';
import { BusyWait } from './busy-wait.js';
import { Challenges, dial } from './connect.js';
import { type Attempt, Connections, type Direction } from './connections.js';
import { DistController } from './dist-controller.js';
import { type ConnectionInfo, connectionInfo, pendingInfo } from './info.js';
import type { Log } from './log.js';
import { type BusyEvent, type EventOptions, Monitors, type NodeEvent } from './monitor-nodes.js';
import { NameGiver } from './name-giver.js';
import { parseNodeName } from './node-name.js';
import { allowFor, busyWaitFor, limitsFor, type NodeLimits, type NodeOptions } from './options.js';
import { connects, describeSignal, fromControl, toControl } from './remote-signals.js';

export interface DistributionOptions {
  readonly name: string;
  readonly creation: number;
  readonly options: NodeOptions;
  readonly discovery: Discovery;
  readonly transport: Transport;
  readonly cookie: (peer: string) => string;
  readonly log: Log;
  /** A signal for a process of this node. */
  deliver(signal: Signal): void;
  /** Links, monitors and requests that have to do with this node come to nothing. */
  nodeDown(node: string, because: Error | undefined): void;
}

export class Distribution {
  readonly #parts: DistributionOptions;
  readonly #log: Log;
  readonly #limits: NodeLimits;
  readonly #connections: Connections;
  readonly #acceptors: Acceptors;
  readonly #busyWait: BusyWait;
  readonly #challenges = new Challenges();
  readonly #names = new NameGiver();
  readonly #monitors = new Monitors<NodeEvent>();
  readonly #busyMonitors = new Monitors<BusyEvent>();
  /** Who waits for a busy peer, by its name. */
  readonly #draining = new Map<string, Set<() => void>>();
  #stopped = false;
  /** Told when an attempt to connect has come to something or nothing: whoever waits for {@link sent}. */
  #onSettled = (): void => {};

  constructor(parts: DistributionOptions) {
    const { name, creation, options, discovery, transport, cookie } = parts;
    this.#parts = parts;
    this.#log = parts.log;
    this.#limits = limitsFor(options.limits);
    this.#busyWait = new BusyWait(busyWaitFor(options.busyWait));
    const both = {
      identity: { node: name, creation, flags: ANNOUNCED_FLAGS },
      transport,
      setupTime: (options.setupTime ?? 7) * 1000,
      challenges: this.#challenges,
      cookie,
      allow: allowFor(options.allow),
    };
    this.#connections = new Connections({
      self: name,
      queuedSignals: this.#limits.queuedSignals,
      queueBytes: this.#limits.queueBytes,
      open: (established, stream, direction) => this.#open(established, stream, direction),
      onUp: (controller) => this.#nodeUp(controller),
      onDown: (controller, reason) => this.#nodeDown(controller, reason),
      onFailed: (peer, error) => this.#connectFailed(peer, error),
      transmit: (controller, signal) => this.#transmitQueued(controller, signal),
      dial: (peer) =>
        dial(peer, {
          ...both,
          discovery,
          stillWanted: (wanted) => this.#connections.stillWanted(wanted),
          onEstablished: (established, stream) => this.adopt(established, stream, 'out', false),
          onFailed: (failed: string, attempt: Attempt, error: Error) =>
            this.#connections.failed(failed, attempt, error),
        }),
    });
    this.#acceptors = new Acceptors({
      ...both,
      unauthenticated: this.#limits.unauthenticated,
      names: this.#names,
      decide: (peer): Decision => this.#connections.decide(peer),
      taken: (peer) => this.#connections.knows(peer),
      onEstablished: (established, stream, replacing) => this.adopt(established, stream, 'in', replacing),
      onFailed: (remote, peer, error) => this.#refused(remote, peer, error),
    });
  }

  /** Every connection that is up. */
  up(): DistController[] {
    return this.#connections.up();
  }

  get(node: string): DistController | undefined {
    return this.#connections.get(node);
  }

  /** How every connection fares, or the one to `node`; those that are up first. */
  info(node?: string): ConnectionInfo[] {
    const one = node === undefined ? undefined : this.#connections.get(node);
    const up = node === undefined ? this.#connections.up() : one === undefined ? [] : [one];
    return [...up.map(connectionInfo), ...this.#connections.pending(node).map(pendingInfo)];
  }

  /** @throws the error that ended the attempt, or ConnectionError `aborted`, `timeout`. */
  async connect(name: string, { signal, timeout }: WaitOptions): Promise<void> {
    const aborted = (): Error =>
      new ConnectionError('aborted', `connecting to ${name} was aborted`, { cause: signal?.reason });
    if (signal?.aborted === true) throw aborted();
    const connected = this.#connections.connect(name);
    if (signal === undefined && timeout === undefined) return connected;
    let onAbort = (): void => {};
    let onTimeout = (): void => {};
    const givenUp = new Promise<never>((_resolve, reject) => {
      onAbort = () => reject(aborted());
      onTimeout = () => reject(new ConnectionError('timeout', `connecting to ${name} took longer than ${timeout} ms`));
    });
    signal?.addEventListener('abort', onAbort, { once: true });
    const timer = startTimeout(timeout, onTimeout);
    try {
      await Promise.race([connected, givenUp]);
    } finally {
      signal?.removeEventListener('abort', onAbort);
      timer?.cancel();
    }
  }

  /** A signal for a process of another node; connects to it if the signal is worth it. */
  send(signal: Signal): void {
    const node = destinationNode(signal);
    const controller = this.#connections.get(node);
    if (controller !== undefined) this.#transmit(controller, signal);
    // What takes something back goes the way of what it takes back, which may wait already.
    else if (!this.#stopped && (connects(signal) || this.#connections.isConnecting(node))) {
      parseNodeName(node);
      this.#checkEncodable(signal);
      this.#connections.queue(node, signal);
    }
  }

  /** Throws at once what would be thrown when the connection is up, and nobody is there any more to catch it. */
  #checkEncodable(signal: Signal): void {
    const { limits } = this.#parts.options;
    const options = limits?.terms === undefined ? {} : { limits: limits.terms };
    if ('message' in signal) encodeParts(signal.message, options);
    else if ('args' in signal) encodeParts(signal.args, options);
  }

  /** Calls `tell` as soon as the queue for `node` is below the busy mark, or there is no connection to wait for. */
  whenDrained(node: string, tell: () => void): () => void {
    // Until the connection is up, nothing of what was sent has left.
    const waits = this.#connections.get(node)?.busy ?? this.#connections.isConnecting(node);
    if (!waits) {
      tell();
      return () => {};
    }
    const waiting = this.#draining.get(node) ?? new Set();
    this.#draining.set(node, waiting.add(tell));
    return () => {
      waiting.delete(tell);
      if (waiting.size === 0 && this.#draining.get(node) === waiting) this.#draining.delete(node);
    };
  }

  /** A stream that a listener has accepted. */
  accept(stream: ByteStream, { handshakeLengthBytes }: Transport): void {
    if (this.#stopped) stream.destroy();
    else this.#acceptors.accept(stream, handshakeLengthBytes);
  }

  /** nodeup and nodedown from now on. */
  events(options: EventOptions): AsyncIterableIterator<NodeEvent> {
    return this.#monitors.listen(options, 'monitorNodes()');
  }

  /** Peers becoming busy, or not busy any more, from now on. */
  busyEvents(options: EventOptions): AsyncIterableIterator<BusyEvent> {
    return this.#busyMonitors.listen(options, 'monitorBusy()');
  }

  /** Whether something that was sent waits for a connection to come up. */
  get unsent(): boolean {
    return this.#connections.waiting;
  }

  /** Resolves when nothing does any more, at the latest after `grace` milliseconds, and at once on `hurry`. */
  sent(grace: number, hurry: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        timer?.cancel();
        hurry.removeEventListener('abort', done);
        resolve();
      };
      const timer = startTimeout(grace, done);
      hurry.addEventListener('abort', done, { once: true });
      if (hurry.aborted) done();
      this.#onSettled = () => {
        if (!this.#connections.waiting) done();
      };
    });
  }

  /** Nobody can connect any more, and no attempt goes on. Connections that are up still are. */
  close(): void {
    this.#stopped = true;
    this.#connections.stop(new ConnectionError('node_stopped', `${this.#parts.name} has been stopped`));
    this.#acceptors.stop();
  }

  /** Sends what is queued, at most for `grace` milliseconds and until `hurry`, and closes the connections. */
  async end(grace: number, hurry: AbortSignal): Promise<void> {
    await Promise.all(this.#connections.up().map((controller) => controller.end(grace, hurry)));
  }

  /** Nothing happens to any other node any more. */
  endEvents(): void {
    this.#monitors.end();
    this.#busyMonitors.end();
  }

  #open(established: Established, stream: ByteStream, direction: Direction): DistController {
    const { name, options, deliver } = this.#parts;
    const { peer } = established;
    const controller: DistController = new DistController({
      self: name,
      established,
      stream,
      direction,
      connection: {
        limits: this.#limits,
        terms: { ...options.terms, ...(options.limits?.terms === undefined ? {} : { limits: options.limits.terms }) },
        tickTime: options.netTickTime ?? 60,
      },
      busyBytes: this.#limits.busyBytes,
      queueBytes: this.#limits.queueBytes,
      busyWait: this.#busyWait,
      onControl: (message) => deliver(fromControl(message, name, peer)),
      onBusy: (busy) => this.#peerBusy(peer, busy),
      onDown: (reason) => this.#connections.wentDown(controller, reason),
    });
    return controller;
  }

  /** Makes a connection of a handshake that has been done. */
  adopt(established: Established, stream: ByteStream, direction: Direction, replacing: boolean): ByteStreamSink {
    return this.#connections.established(established, stream, direction, replacing) ?? CLOSED;
  }

  #peerBusy(peer: string, busy: boolean): void {
    this.#log.debug({ peer, busy }, busy ? 'peer is busy' : 'peer is no longer busy');
    this.#busyMonitors.emit({ node: peer, busy });
    if (!busy) this.#release(peer);
  }

  #release(peer: string): void {
    const waiting = this.#draining.get(peer);
    this.#draining.delete(peer);
    for (const tell of waiting ?? []) tell();
  }

  #nodeUp({ peer, hidden, remote }: DistController): void {
    this.#log.info({ peer, hidden, remote }, 'nodeup');
    // When what has waited for the connection has been sent, and the pump has counted it.
    setImmediate(() => {
      if (this.#connections.get(peer)?.busy !== true) this.#release(peer);
      this.#onSettled();
    });
    this.#monitors.emit({ type: 'nodeup', node: peer, hidden });
  }

  #nodeDown({ peer, hidden, busy }: DistController, reason: Error | undefined): void {
    if (busy) this.#busyMonitors.emit({ node: peer, busy: false });
    const level = reason === undefined || isClosing(reason) ? 'info' : 'warn';
    this.#log[level]({ peer, reason: reason?.message, code: codeOf(reason) }, 'nodedown');
    this.#parts.nodeDown(peer, reason);
    this.#release(peer);
    this.#names.release(peer);
    this.#monitors.emit({ type: 'nodedown', node: peer, hidden, ...(reason === undefined ? {} : { reason }) });
  }

  #connectFailed(peer: string, error: Error): void {
    // Limited: a peer can make us send to nodes of its choice, and a program to one that is down for hours.
    this.#log.limited(peer).warn({ peer, code: codeOf(error), reason: error.message }, 'could not connect');
    this.#parts.nodeDown(peer, error);
    this.#release(peer);
    this.#onSettled();
  }

  #refused(remote: string, peer: string | undefined, error: HandshakeError | ConnectionError): void {
    if (peer !== undefined) this.#connections.incomingFailed(peer);
    const source = remote.replace(/:\d+$/, '');
    const step = error instanceof HandshakeError ? error.step : 'carrier';
    this.#log
      .limited(source)
      .warn({ remote, peer, code: error.code, step, reason: error.message }, 'connection refused');
  }

  #transmit(controller: DistController, signal: Signal): void {
    let told: boolean;
    try {
      told = controller.send(toControl(signal));
    } catch (error) {
      // A reason that has no Erlang form must not keep the other side from hearing of the end itself.
      if (!('reason' in signal) || !(error instanceof ArgumentError || error instanceof LimitError)) throw error;
      const { reason } = signal;
      const instead = unsendable(reason, error) ?? format(reason, { limit: 1000 });
      told = controller.send(toControl({ ...signal, reason: instead }));
    }
    if (!told) this.#untold(controller, signal);
    else if (signal.kind === 'unlink' && !hasFlags(controller.established.flags, DFLAG.DFLAG_UNLINK_ID)) {
      // The old link protocol has no acknowledgement (protocol section 4.1).
      const { from, to, id = 0 } = signal;
      this.#parts.deliver({ kind: 'unlinkAck', from: to, to: from, id });
    }
  }

  #transmitQueued(controller: DistController, signal: Signal): void {
    try {
      this.#transmit(controller, signal);
    } catch (error) {
      // The sender has gone on long ago; a connection must not suffer for it.
      this.#log.error(
        { peer: controller.peer, reason: (error as Error).message },
        `dropped a ${describeSignal(signal)}`,
      );
    }
  }

  /** The peer did not announce what it takes to understand a signal: do what a BEAM does then (protocol section 4.3). */
  #untold(controller: DistController, signal: Signal): void {
    if (signal.kind === 'spawnRequest') {
      const { ref, from, node } = signal;
      this.#parts.deliver({ kind: 'spawnReply', ref, to: from, node, result: 'notsup', link: false, monitor: false });
    }
    this.#log.debug({ peer: controller.peer }, `the peer does not understand a ${describeSignal(signal)}`);
  }
}

const CLOSED: ByteStreamSink = { onData() {}, onDrain() {}, onClose() {} };

function isClosing(reason: Error): boolean {
  const code = codeOf(reason);
  return code === 'connection_closed' || code === 'disconnected';
}

function codeOf(error: Error | undefined): string | undefined {
  return error instanceof ErlnodeError ? String(error.code) : undefined;
}
