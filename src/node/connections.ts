// Every other node we have to do with: connected, being connected, or about to be (OTP: net_kernel's sys_dist table).
// At most one connection per node is up; who wins when both sides connect at once is decided here (protocol 2.5, 2.6).

import type { Decision } from '../dist/handshake/acceptor.js';
import type { Established } from '../dist/handshake/handshake.js';
import { ConnectionError, type HandshakeError, LimitError } from '../errors.js';
import type { Signal } from '../process/signal.js';
import type { ByteStream } from '../transport/transport.js';
import type { DistController } from './dist-controller.js';
import { roughBytes } from './rough-bytes.js';

/** Our attempt to connect. */
export interface Attempt {
  /** `lookup` until the first byte of the handshake has been sent. */
  phase: 'lookup' | 'handshake';
  /** When its time is up, on the clock of `performance.now()`. */
  readonly deadline: number;
  /** The peer connects to us and seems to win: say nothing to it as long as that may succeed. */
  hold(): void;
  /** It did not succeed. */
  release(): void;
  abort(): void;
}

/** Who has opened a connection, or is about to: this node or the other one. */
export type Direction = 'out' | 'in';

/** A connection that may come up. */
export interface Pending {
  readonly node: string;
  /** `awaited`: the peer refused our attempt because it makes one of its own. */
  readonly state: Attempt['phase'] | 'awaited';
  readonly direction: Direction;
  /** When it began, on the clock of `performance.now()`. */
  readonly since: number;
  /** About so many bytes wait for it. */
  readonly queuedBytes: number;
}

interface Peer {
  readonly name: string;
  /** When the attempt began, or the wait for the peer's, on the clock of `performance.now()`. */
  since: number;
  controller: DistController | undefined;
  attempt: Attempt | undefined;
  /** Signals for when the connection is up. */
  queued: Signal[];
  /** About so many bytes are in them. */
  queuedBytes: number;
  waiters: { resolve(): void; reject(error: Error): void }[];
  /** The peer refused our attempt because it makes one of its own: how long we wait for that one. */
  expecting: ReturnType<typeof setTimeout> | undefined;
}

export interface ConnectionsOptions {
  readonly self: string;
  readonly queuedSignals: number;
  /** Bytes that may wait for a connection, as far as they are known; one signal alone may have more. */
  readonly queueBytes: number;
  /** Starts an attempt, which ends in {@link Connections.established} or {@link Connections.failed}. */
  dial(peer: string): Attempt;
  /** Makes a connection of a stream whose handshake has been done. */
  open(established: Established, stream: ByteStream, direction: Direction): DistController;
  onUp(controller: DistController): void;
  onDown(controller: DistController, reason: Error | undefined): void;
  /** A connection that was wanted did not come about. */
  onFailed(peer: string, error: Error): void;
  transmit(controller: DistController, signal: Signal): void;
}

export class Connections {
  readonly #peers = new Map<string, Peer>();
  readonly #options: ConnectionsOptions;
  #stopped = false;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  get(peer: string): DistController | undefined {
    return this.#peers.get(peer)?.controller;
  }

  /** @internal Number of nodes that we have to do with; for tests. */
  get size(): number {
    return this.#peers.size;
  }

  /** All connections that are up. */
  up(): DistController[] {
    return [...this.#peers.values()].flatMap(({ controller }) => (controller === undefined ? [] : [controller]));
  }

  /** The connections that may come up, all of them or the one to `name`. */
  pending(name?: string): Pending[] {
    const peers = name === undefined ? this.#peers.values() : [this.#peers.get(name)];
    return [...peers].flatMap((peer) => {
      if (peer === undefined || peer.controller !== undefined) return [];
      const { name: node, attempt, since, queuedBytes } = peer;
      const direction = attempt === undefined ? 'in' : 'out';
      return [{ node, state: attempt?.phase ?? 'awaited', direction, since, queuedBytes }];
    });
  }

  /** Whether there is a connection, or one may come up soon. */
  knows(name: string): boolean {
    return this.#peers.has(name);
  }

  /** Whether a connection may come up soon. */
  isConnecting(name: string): boolean {
    const peer = this.#peers.get(name);
    return peer !== undefined && peer.controller === undefined;
  }

  /** Whether signals wait for a connection to come up. */
  get waiting(): boolean {
    for (const { queued } of this.#peers.values()) if (queued.length > 0) return true;
    return false;
  }

  /** Connects unless connected. @throws the error that ended the attempt. */
  connect(name: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const peer = this.#peer(name);
      if (peer.controller !== undefined) {
        resolve();
        return;
      }
      peer.waiters.push({ resolve, reject });
      this.#want(peer);
    });
  }

  /** Sends a signal that is worth a connection as soon as there is one. */
  queue(name: string, signal: Signal): void {
    const peer = this.#peer(name);
    const { queuedSignals, queueBytes } = this.#options;
    const signals = peer.queued.length + 1;
    const bytes = peer.queuedBytes + roughBytes(signal);
    if (signals > queuedSignals || (signals > 1 && bytes > queueBytes)) {
      const [what, limit, asked] =
        signals > queuedSignals
          ? (['signals', queuedSignals, signals] as const)
          : (['bytes', queueBytes, bytes] as const);
      this.#giveUp(peer, new LimitError('send_queue_full', `${what} waiting for ${name}`, limit, asked));
      return;
    }
    peer.queuedBytes = bytes;
    peer.queued.push(signal);
    this.#want(peer);
  }

  /** What an acceptor answers to a node that says it is `name`. It has proved nothing yet: at most it makes us wait. */
  decide(name: string): Decision {
    if (name === this.#options.self) return 'nok';
    const peer = this.#peers.get(name);
    if (peer?.controller !== undefined) return 'alive';
    if (peer?.attempt === undefined) return 'ok';
    if (peer.attempt.phase === 'lookup') {
      // Two attempts that both go on would end each other: the peer drops its own when it hears of ours.
      peer.attempt.hold();
      return 'ok_simultaneous';
    }
    return compareNames(this.#options.self, name) > 0 ? 'nok' : 'ok_simultaneous';
  }

  /** Whether an attempt of ours is of use if the peer thinks that we are connected already. */
  stillWanted(name: string): boolean {
    return this.#peers.get(name)?.controller === undefined;
  }

  /**
   * A handshake has been done. `replacing`: the acceptor was told that the connection we had is dead.
   *
   * @returns the controller, or undefined when the connection is not wanted after all and has been closed.
   */
  established(
    established: Established,
    stream: ByteStream,
    direction: Direction,
    replacing: boolean,
  ): DistController | undefined {
    const before = this.get(established.peer);
    if (this.#stopped || (before !== undefined && !replacing)) {
      stream.destroy();
      return undefined;
    }
    before?.close(new ConnectionError('connection_closed', `${established.peer} has connected anew`));
    // Not sooner: with its old connection an idle peer is forgotten.
    const peer = this.#peer(established.peer);
    this.#settle(peer);
    const controller = this.#options.open(established, stream, direction);
    peer.controller = controller;
    this.#options.onUp(controller);
    const { queued, waiters } = peer;
    peer.queued = [];
    peer.queuedBytes = 0;
    peer.waiters = [];
    for (const signal of queued) this.#options.transmit(controller, signal);
    for (const waiter of waiters) waiter.resolve();
    return controller;
  }

  /** The handshake of a node that said it was `name` has failed. */
  incomingFailed(name: string): void {
    this.#peers.get(name)?.attempt?.release();
  }

  /** Our attempt has failed. */
  failed(name: string, attempt: Attempt, error: Error): void {
    const peer = this.#peers.get(name);
    if (peer === undefined || peer.attempt !== attempt) return;
    peer.attempt = undefined;
    if ((error as HandshakeError).code === 'nok') {
      // The peer's own attempt is under way and better than ours; it ends in `established`, or never comes.
      const left = Math.max(0, attempt.deadline - performance.now());
      peer.since = performance.now();
      peer.expecting = setTimeout(() => this.#giveUp(peer, error), left);
      return;
    }
    this.#giveUp(peer, error);
  }

  /** A connection has ended. */
  wentDown(controller: DistController, reason: Error | undefined): void {
    const peer = this.#peers.get(controller.peer);
    if (peer?.controller === controller) {
      peer.controller = undefined;
      this.#forgetIfIdle(peer);
    }
    this.#options.onDown(controller, reason);
  }

  /** Ends every attempt; connections that are up are the caller's to close. */
  stop(error: Error): void {
    this.#stopped = true;
    for (const peer of [...this.#peers.values()]) if (peer.controller === undefined) this.#giveUp(peer, error);
  }

  #peer(name: string): Peer {
    const known = this.#peers.get(name);
    if (known !== undefined) return known;
    const fresh: Peer = {
      name,
      since: performance.now(),
      controller: undefined,
      attempt: undefined,
      queued: [],
      queuedBytes: 0,
      waiters: [],
      expecting: undefined,
    };
    this.#peers.set(name, fresh);
    return fresh;
  }

  #want(peer: Peer): void {
    if (peer.controller !== undefined || peer.attempt !== undefined || peer.expecting !== undefined) return;
    if (this.#stopped) {
      this.#giveUp(peer, new ConnectionError('node_stopped', 'this node has been stopped'));
      return;
    }
    peer.since = performance.now();
    peer.attempt = this.#options.dial(peer.name);
  }

  #giveUp(peer: Peer, error: Error): void {
    this.#settle(peer);
    const { waiters } = peer;
    peer.waiters = [];
    peer.queued = [];
    peer.queuedBytes = 0;
    this.#forgetIfIdle(peer);
    this.#options.onFailed(peer.name, error);
    for (const waiter of waiters) waiter.reject(error);
  }

  #settle(peer: Peer): void {
    clearTimeout(peer.expecting);
    peer.expecting = undefined;
    const { attempt } = peer;
    peer.attempt = undefined;
    // One that is over already has nothing left to give up.
    attempt?.abort();
  }

  #forgetIfIdle(peer: Peer): void {
    if (peer.controller !== undefined || peer.attempt !== undefined || peer.waiters.length > 0) return;
    if (this.#peers.get(peer.name) === peer) this.#peers.delete(peer.name);
  }
}

/** Atom order: by code points, not by UTF-16 units. */
function compareNames(a: string, b: string): number {
  const left = Array.from(a, (character) => character.codePointAt(0) as number);
  const right = Array.from(b, (character) => character.codePointAt(0) as number);
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = (left[i] as number) - (right[i] as number);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
