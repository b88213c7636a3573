// The nodes that should be connected, and the attempts to have it so: one at a time for each, a few at once for all.
// What the node itself says about its connections counts; its events only say when to look.
import { ConnectionError } from '../errors.js';
import type { Clock } from './clock.js';
import type { ClusterEvent } from './events.js';
import { known } from './strategy.js';

/** What is asked of the node here. */
export interface PeersNode {
  connect(node: string, options: { readonly signal: AbortSignal }): Promise<void>;
  disconnect(node: string): boolean;
  nodes(kind: 'connected'): readonly string[];
}

export interface PeersOptions {
  /** Back-off in milliseconds. */
  readonly min: number;
  readonly max: number;
  readonly maxAttempts: number;
  readonly disconnectGone: boolean;
  readonly clock: Clock;
  readonly random: () => number;
  tell(event: ClusterEvent): void;
  /** There is no node any more. */
  onNodeStopped(): void;
}

interface Peer {
  readonly node: string;
  state: State;
  /** Attempts and connections in a row that came to nothing. */
  failures: number;
}

type State =
  /** Since when. */
  | { readonly is: 'connected'; readonly since: number }
  /** For its turn. */
  | { readonly is: 'queued' }
  | { readonly is: 'dialling' }
  | { readonly is: 'waiting'; readonly timer: unknown };

export class Peers {
  readonly #node: PeersNode;
  readonly #options: PeersOptions;
  readonly #peers = new Map<string, Peer>();
  /** In the order of their turns; who is no longer queued is passed over. */
  #queue: Peer[] = [];
  /** Those of nodes that are no longer wanted, too: an attempt goes on until it comes to something or nothing. */
  readonly #attempts = new Set<AbortController>();
  #stopped = false;

  constructor(node: PeersNode, options: PeersOptions) {
    this.#node = node;
    this.#options = options;
  }

  wanted(): string[] {
    return [...this.#peers.keys()];
  }

  /** From now on these, and no others. */
  want(nodes: ReadonlySet<string>): void {
    for (const peer of [...this.#peers.values()]) if (!nodes.has(peer.node)) this.#drop(peer);
    for (const node of nodes) {
      if (this.#peers.has(node)) continue;
      const peer: Peer = { node, state: { is: 'queued' }, failures: 0 };
      this.#peers.set(node, peer);
      this.#options.tell({ type: 'joined', node });
      this.#queue.push(peer);
    }
    this.check();
  }

  /** Compares what should be with what is. */
  check(): void {
    const connected = new Set(this.#node.nodes('connected'));
    for (const peer of this.#peers.values()) {
      const is = connected.has(peer.node);
      if (is && peer.state.is !== 'connected') this.#connected(peer);
      else if (!is && peer.state.is === 'connected') this.#lost(peer, undefined);
    }
    this.#dial();
  }

  up(node: string): void {
    const peer = this.#peers.get(node);
    if (peer !== undefined && peer.state.is !== 'connected' && this.#isConnected(node)) this.#connected(peer);
  }

  down(node: string, reason: Error | undefined): void {
    const peer = this.#peers.get(node);
    if (peer?.state.is === 'connected' && !this.#isConnected(node)) this.#lost(peer, reason);
  }

  stop(): void {
    this.#stopped = true;
    for (const peer of this.#peers.values()) this.#stopWaiting(peer);
    this.#peers.clear();
    this.#queue = [];
    for (const attempt of this.#attempts)
      attempt.abort(new ConnectionError('aborted', 'the membership that wanted this connection was stopped'));
  }

  #isConnected(node: string): boolean {
    return this.#node.nodes('connected').includes(node);
  }

  #drop(peer: Peer): void {
    this.#peers.delete(peer.node);
    this.#stopWaiting(peer);
    const disconnected = this.#options.disconnectGone && this.#node.disconnect(peer.node);
    this.#options.tell({ type: 'left', node: peer.node, disconnected });
  }

  #stopWaiting({ state }: Peer): void {
    if (state.is === 'waiting') this.#options.clock.clearTimeout(state.timer);
  }

  #connected(peer: Peer): void {
    // An attempt that is under way ends by itself: whether it, or the peer's own, made the connection is all the same.
    this.#stopWaiting(peer);
    peer.state = { is: 'connected', since: this.#options.clock.now() };
    this.#options.tell({ type: 'connected', node: peer.node });
  }

  #lost(peer: Peer, error: Error | undefined): void {
    const { clock, max, tell } = this.#options;
    // Only who has stayed has earned a fresh start: others come and go, and are asked ever more rarely.
    if (peer.state.is === 'connected' && clock.now() - peer.state.since >= max) peer.failures = 0;
    const retryIn = this.#wait(peer);
    tell({ type: 'disconnected', node: peer.node, retryIn, ...(error === undefined ? {} : { error }) });
  }

  /** Half to all of a span that doubles: nodes that lost each other at once do not come back at once. */
  #wait(peer: Peer): number {
    const { min, max, random, clock } = this.#options;
    const span = Math.min(max, min * 2 ** Math.min(peer.failures, 31));
    const ms = Math.round(span / 2 + (span / 2) * random());
    peer.failures++;
    const timer = clock.setTimeout(() => {
      peer.state = { is: 'queued' };
      this.#queue.push(peer);
      this.#dial();
    }, ms);
    peer.state = { is: 'waiting', timer };
    return ms;
  }

  #dial(): void {
    while (this.#attempts.size < this.#options.maxAttempts && !this.#stopped) {
      const peer = this.#queue.shift();
      if (peer === undefined) return;
      if (peer.state.is !== 'queued' || this.#peers.get(peer.node) !== peer) continue;
      if (this.#isConnected(peer.node)) this.#connected(peer);
      else void this.#attempt(peer);
    }
  }

  /** Never rejects. */
  async #attempt(peer: Peer): Promise<void> {
    const attempt = new AbortController();
    this.#attempts.add(attempt);
    peer.state = { is: 'dialling' };
    let error: Error | undefined;
    try {
      await this.#node.connect(peer.node, { signal: attempt.signal });
    } catch (thrown) {
      error = known(thrown, `connecting to ${peer.node}`);
    }
    this.#attempts.delete(attempt);
    if (this.#stopped) return;
    if (error instanceof ConnectionError && (error as ConnectionError).code === 'node_stopped') {
      this.#options.onNodeStopped();
      return;
    }
    if (this.#peers.get(peer.node) === peer) this.#attempted(peer, error);
    else if (!this.#peers.has(peer.node) && this.#options.disconnectGone) this.#node.disconnect(peer.node);
    this.#dial();
  }

  #attempted(peer: Peer, error: Error | undefined): void {
    if (peer.state.is !== 'dialling') return;
    if (this.#isConnected(peer.node)) {
      this.#connected(peer);
      return;
    }
    const failure = error ?? new ConnectionError('connection_closed', `${peer.node} was connected, and went at once`);
    this.#options.tell({ type: 'failed', node: peer.node, retryIn: this.#wait(peer), error: failure });
  }
}
