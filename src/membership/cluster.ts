// Keeps a node connected to those that a strategy names. docs/DISCOVERY.md, "Membership".
// An answer that cannot be had changes nothing, and nobody is disconnected who was not named before.
import { ArgumentError, ConnectionError, LimitError } from '../errors.js';
import { type Clock, SYSTEM_CLOCK } from './clock.js';
import { type ClusterEvent, type ClusterLogger, logLine } from './events.js';
import { nameFault, shown } from './node-names.js';
import { Peers } from './peers.js';
import { known, type Strategy } from './strategy.js';

/** What membership needs of a node; a `Node` has it. */
export interface ClusterNode {
  readonly name: string;
  connect(node: string, options: { readonly signal: AbortSignal }): Promise<void>;
  disconnect(node: string): boolean;
  nodes(kind: 'connected'): readonly string[];
  monitorNodes(): AsyncIterableIterator<{
    readonly type: 'nodeup' | 'nodedown';
    readonly node: string;
    readonly reason?: Error;
  }>;
}

export interface ClusterOptions {
  /** Milliseconds from one answer of the strategy to the next question, give or take a tenth. Default: 5,000. */
  readonly interval?: number;
  /** Milliseconds that the strategy has for an answer. Default: 10,000. */
  readonly timeout?: number;
  /** Milliseconds before the first and before the last reconnect: doubled each time, and of that half to all. Default: 500 and 30,000. */
  readonly backOff?: { readonly min: number; readonly max: number };
  /**
   * Whether a node that was named before and is no more is disconnected. Default: false, as it may be healthy; it is
   * then not dialled again when it goes. An answer that fails never disconnects anybody.
   */
  readonly disconnectGone?: boolean;
  /** Which of the nodes that are named to connect to. Default: all. */
  readonly only?: (node: string) => boolean;
  /** Nodes that an answer may name; one that names more has failed. Default: 1,000. */
  readonly maxNodes?: number;
  /** Connections that are attempted at once. Default: 16. */
  readonly maxAttempts?: number;
  /** Told what happens. Must not throw. */
  readonly onEvent?: (event: ClusterEvent) => void;
  /** Gets a line for what {@link ClusterOptions.onEvent} is told; a pino logger will do. */
  readonly logger?: ClusterLogger;
  /** For tests. */
  readonly clock?: Clock;
  /** From 0 to below 1. For tests. */
  readonly random?: () => number;
}

/** The names of all options: the compiler insists on each of them. */
const OPTIONS: Readonly<Record<keyof ClusterOptions, true>> = {
  interval: true,
  timeout: true,
  backOff: true,
  disconnectGone: true,
  only: true,
  maxNodes: true,
  maxAttempts: true,
  onEvent: true,
  logger: true,
  clock: true,
  random: true,
};

/** A node's membership in a cluster, until it is stopped or the node is. */
export interface Cluster extends AsyncDisposable {
  /** Who should be in, without this node itself. */
  readonly members: readonly string[];
  /** Asks the strategy now. Settles when its answer has been taken or has failed; never rejects. */
  refresh(): Promise<void>;
  /** Asks, dials and waits no more. Connections stay as they are. */
  stop(): Promise<void>;
}

/**
 * Connects `node` to every node that `strategy` names, now and whenever the answer changes or a connection is lost.
 *
 * @throws ArgumentError `badarg` for an option that is none.
 */
export function cluster(node: ClusterNode, strategy: Strategy, options: ClusterOptions = {}): Cluster {
  checkArguments(node, strategy, options);
  const membership = new Membership(node, strategy, options);
  void membership.refresh();
  return {
    get members() {
      return membership.peers.wanted();
    },
    refresh: () => membership.refresh(),
    stop: () => membership.stop(),
    [Symbol.asyncDispose]: () => membership.stop(),
  };
}

/** What is missing or misspelt must not come to light as an error that nobody can catch. */
function checkArguments(node: unknown, strategy: unknown, options: unknown): void {
  if (typeof (Object(node) as Partial<ClusterNode>).monitorNodes !== 'function')
    throw new ArgumentError('badarg', `expected cluster to be given a node, got ${shown(node)}`);
  if (typeof (Object(strategy) as Partial<Strategy>).nodes !== 'function')
    throw new ArgumentError('badarg', `expected a strategy, such as hosts(['a@host']) gives, got ${shown(strategy)}`);
  if (typeof options !== 'object' || options === null)
    throw new ArgumentError('badarg', `expected cluster's options as an object { … }, got ${shown(options)}`);
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(OPTIONS, name));
  if (unknown === undefined) return;
  const known = Object.keys(OPTIONS).join(', ');
  throw new ArgumentError('badarg', `cluster has no option ${shown(unknown)}; it has ${known}`);
}

class Membership {
  readonly peers: Peers;
  readonly #node: ClusterNode;
  readonly #strategy: Strategy;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #interval: number;
  readonly #timeout: number;
  readonly #maxNodes: number;
  readonly #only: (node: string) => boolean;
  readonly #tell: (event: ClusterEvent) => void;
  readonly #stopping = new AbortController();
  readonly #nodeEvents: ReturnType<ClusterNode['monitorNodes']>;
  readonly #watching: Promise<void>;
  #asking: Promise<void> | undefined;
  #timer: unknown;
  /** What has been told already, so that it is told once. */
  #failure: string | undefined;
  #warnings = new Set<string>();
  #ignored = new Set<string>();

  constructor(node: ClusterNode, strategy: Strategy, options: ClusterOptions) {
    const { backOff = { min: 500, max: 30_000 }, onEvent, logger } = options;
    this.#node = node;
    this.#strategy = strategy;
    this.#clock = options.clock ?? SYSTEM_CLOCK;
    this.#random = options.random ?? Math.random;
    this.#interval = within('interval', options.interval ?? 5000, 1);
    this.#timeout = within('timeout', options.timeout ?? 10_000, 1);
    this.#maxNodes = within('maxNodes', options.maxNodes ?? 1000, 1);
    this.#only = options.only ?? (() => true);
    this.#tell = (event) => {
      if (logger !== undefined) logLine(logger, event);
      onEvent?.(event);
    };
    this.peers = new Peers(node, {
      min: within('backOff.min', backOff.min, 1),
      max: within('backOff.max', backOff.max, backOff.min),
      maxAttempts: within('maxAttempts', options.maxAttempts ?? 16, 1),
      disconnectGone: options.disconnectGone ?? false,
      clock: this.#clock,
      random: this.#random,
      tell: this.#tell,
      onNodeStopped: () => void this.stop(),
    });
    this.#nodeEvents = node.monitorNodes();
    this.#watching = this.#watch();
  }

  /** One question at a time: who asks meanwhile gets the same answer. */
  refresh(): Promise<void> {
    if (this.#stopping.signal.aborted) return Promise.resolve();
    this.#clock.clearTimeout(this.#timer);
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
      if (this.#stopping.signal.aborted) return;
      const jitter = 0.9 + 0.2 * this.#random();
      this.#timer = this.#clock.setTimeout(() => void this.refresh(), Math.round(this.#interval * jitter));
    });
    return this.#asking;
  }

  async stop(): Promise<void> {
    if (!this.#stopping.signal.aborted) {
      this.#stopping.abort(new ConnectionError('aborted', `membership of ${this.#node.name} was stopped`));
      this.#clock.clearTimeout(this.#timer);
      this.peers.stop();
      void this.#nodeEvents.return?.();
    }
    await Promise.all([this.#watching, this.#asking]);
  }

  async #ask(): Promise<void> {
    let wanted: Set<string>;
    const warned = new Set<string>();
    const warn = (error: Error) => {
      warned.add(error.message);
      if (!this.#warnings.has(error.message)) this.#tell({ type: 'warning', error });
    };
    try {
      wanted = this.#accepted(await this.#answer(warn));
    } catch (thrown) {
      if (this.#stopping.signal.aborted) return;
      const error = known(thrown, `strategy ${this.#strategy.name ?? 'without a name'}`);
      if (error.message !== this.#failure) this.#tell({ type: 'answer_failed', error });
      this.#failure = error.message;
      // Connections may have come and gone without it.
      this.peers.check();
      return;
    }
    if (this.#stopping.signal.aborted) return;
    this.#failure = undefined;
    this.#warnings = warned;
    this.peers.want(wanted);
  }

  /** The strategy may not heed its signal: its time is up all the same. */
  #answer(warn: (error: Error) => void): Promise<readonly string[]> {
    const ended = new AbortController();
    const { signal } = this.#stopping;
    return new Promise<readonly string[]>((resolve, reject) => {
      const settle = (outcome: () => void) => {
        this.#clock.clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        outcome();
      };
      const giveUp = (error: Error) =>
        settle(() => {
          ended.abort(error);
          reject(error);
        });
      const onAbort = () => giveUp(signal.reason as Error);
      signal.addEventListener('abort', onAbort);
      const late = new ConnectionError('timeout', `no answer within ${this.#timeout} ms`);
      const timer = this.#clock.setTimeout(() => giveUp(late), this.#timeout);
      const timely = (error: Error) => {
        if (!ended.signal.aborted) warn(error);
      };
      Promise.resolve()
        .then(() => this.#strategy.nodes({ signal: ended.signal, self: this.#node.name, warn: timely }))
        .then((nodes) => this.#checked(nodes))
        .then(
          (nodes) => settle(() => resolve(nodes)),
          (error: Error) => settle(() => reject(error)),
        );
    });
  }

  #checked(nodes: unknown): readonly string[] {
    if (!Array.isArray(nodes)) throw new ArgumentError('badarg', `expected a list of node names, got ${shown(nodes)}`);
    if (nodes.length > this.#maxNodes)
      throw new LimitError('too_many_nodes', 'an answer names too many nodes', this.#maxNodes, nodes.length);
    return nodes as readonly string[];
  }

  #accepted(nodes: readonly string[]): Set<string> {
    const wanted = new Set<string>();
    const ignored = new Set<string>();
    for (const node of nodes) {
      if (node === this.#node.name) continue;
      const why = nameFault(node);
      if (why === undefined) {
        if (this.#only(node)) wanted.add(node);
        continue;
      }
      const text = shown(node);
      if (!ignored.has(text) && !this.#ignored.has(text) && ignored.size < MOST_IGNORED)
        this.#tell({ type: 'ignored', name: text, why });
      ignored.add(text);
    }
    this.#ignored = ignored;
    return wanted;
  }

  /** Ends when the node does, or when `stop` ends the iteration. */
  async #watch(): Promise<void> {
    for await (const { type, node, reason } of this.#nodeEvents) {
      if (this.#stopping.signal.aborted) return;
      if (type === 'nodeup') this.peers.up(node);
      else this.peers.down(node, reason);
    }
    // Not awaited: it waits for us.
    void this.stop();
  }
}

/** Names of one answer that are told to be passed over. */
const MOST_IGNORED = 10;

function within(name: string, value: number, low: number): number {
  if (value >= low && value <= 0x7fff_ffff) return value;
  throw new ArgumentError('badarg', `expected ${name} to be a number from ${low} to 2147483647, got ${value}`);
}
