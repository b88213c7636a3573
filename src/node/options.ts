// What a node can be told, and what it does unless told otherwise. Names and units are OTP's.
import { availableParallelism } from 'node:os';
import type { Discovery } from '../discovery/discovery.js';
import { CONNECTION_LIMITS, type ConnectionLimits } from '../dist/limits.js';
import { ArgumentError } from '../errors.js';
import type { DecodeOptions } from '../etf/decode.js';
import type { CodecLimits } from '../etf/limits.js';
import type { Transport } from '../transport/transport.js';
import type { CookieOption } from './cookie.js';
import type { LoggerOption } from './log.js';

/** Where a node listens. */
export interface ListenAddress {
  /** Interface; `127.0.0.1` unless told otherwise, `0.0.0.0` or `::` for all. */
  readonly host?: string;
  /**
   * A port, `0` for any free one, or a range. Default, for the first listener: what the discovery says, else
   * `ERL_DIST_PORT`, as releases do, else any.
   */
  readonly port?: number | { readonly min: number; readonly max: number };
  /** What carries the connections that are accepted here. Default: the node's transport. */
  readonly transport?: Transport;
}

/** Limits of a node and of each of its connections (docs/LIMITS.md). */
export interface NodeLimits extends ConnectionLimits {
  /** Connections that have not proved to know the cookie yet; beyond it the oldest is dropped. Default 1,024. */
  readonly unauthenticated: number;
  /** OTP: `+zdbbl`. Bytes queued for a peer from which on it is busy. Default 1 MiB. */
  readonly busyBytes: number;
  /** Bytes queued for a peer, connected or not, beyond which its connection is closed as too slow. Default 64 MiB. */
  readonly queueBytes: number;
  /** Signals that wait for a connection to come up. Default 100,000. */
  readonly queuedSignals: number;
  /**
   * Messages that may wait in the mailbox of a process that was not told otherwise (`maxMessages` of spawn); with one more
   * it ends with `killed`. Default: no limit, as on a BEAM.
   */
  readonly mailboxMessages: number;
}

export interface NodeOptions {
  /** The cluster's secret, or one for each peer. Default: `~/.erlang.cookie`, as `erl` does. */
  readonly cookie?: CookieOption;
  /** Only hidden nodes are supported as yet. */
  readonly hidden?: true;
  /** How other nodes are found. Default: `epmd()`. */
  readonly discovery?: Discovery;
  /** What carries the connections. Default: `tcp()`. */
  readonly transport?: Transport;
  /**
   * OTP: `-dist_listen`, `inet_dist_use_interface`, `inet_dist_listen_min`. `false`: nobody can connect to us. With
   * several places the first is the one that the discovery is told.
   */
  readonly listen?: ListenAddress | readonly ListenAddress[] | false;
  /**
   * OTP: `-name undefined`. The node that shall give this one its name (`undefined@host`): the node does not listen, is
   * known to nobody else, and ends when the connection to the one that named it does.
   */
  readonly namedBy?: string;
  /** OTP: `net_ticktime`, seconds (default 60): a peer that is silent for so long is dead. */
  readonly netTickTime?: number;
  /** OTP: `net_setuptime`, seconds (default 7): how long it may take to connect, all steps together. */
  readonly setupTime?: number;
  /**
   * OTP: `+sbwt`. Microseconds (default 150) to wait awake for the next answer of a peer that has just answered faster
   * than that several times: round trips are twice as quick, at the price of a busy processor while they go on. 0: never;
   * so it is where there is only one processor.
   */
  readonly busyWait?: number;
  /** How terms are decoded (docs/TERMS.md). */
  readonly terms?: Pick<DecodeOptions, 'floats' | 'binaries' | 'maps'>;
  readonly limits?: Partial<NodeLimits> & { readonly terms?: CodecLimits };
  /** OTP: `net_kernel:allow/1`. Who may connect, and be connected to. Default: everyone who knows the cookie. */
  readonly allow?: (peer: string) => boolean;
  /**
   * Whether other nodes may look at processes of this one, as `rpc:pinfo`, observer and a remote shell do: answers
   * `erlang:process_info/1,2` with names, links, monitors, ancestors, label and the length of the mailbox, never with
   * messages. Default: false, so that nothing is callable that was not exposed.
   */
  readonly introspection?: boolean;
  /**
   * A pino logger, or any with its four methods. Default: crashes and other errors are warnings of the process
   * (`ErlnodeWarning` on stderr), the rest is dropped; `pino({ level: 'silent' })` drops these, too.
   */
  readonly logger?: LoggerOption;
  /** Ends the start, or the node if it has started. */
  readonly signal?: AbortSignal;
  /**
   * Milliseconds that the start may take. Default: as long as its steps do, which have limits of their own (EPMD: 10 s;
   * `namedBy`: the setup time).
   */
  readonly timeout?: number;
}

const MiB = 1024 * 1024;

export const NODE_LIMITS: Omit<NodeLimits, keyof ConnectionLimits> = {
  unauthenticated: 1024,
  busyBytes: MiB,
  queueBytes: 64 * MiB,
  queuedSignals: 100_000,
  mailboxMessages: Number.POSITIVE_INFINITY,
};

/** Microseconds to wait awake. The only processor there is belongs to whoever has something to do. */
export function busyWaitFor(option: NodeOptions['busyWait']): number {
  return option ?? (availableParallelism() > 1 ? 150 : 0);
}

/** A node's limits, complete: one that is given as `undefined` is not given. */
export function limitsFor(option: NodeOptions['limits']): NodeLimits {
  const { terms: _, ...numbers } = option ?? {};
  const given = Object.entries(numbers).filter(([, limit]) => limit !== undefined);
  return { ...NODE_LIMITS, ...CONNECTION_LIMITS, ...Object.fromEntries(given) };
}

/**
 * Who may connect, as a function that never lets anybody in by mistake: what an async function gives is true to an `if`.
 *
 * @returns a function that throws ArgumentError `badarg` when the user's gives no boolean.
 */
export function allowFor(option: NodeOptions['allow']): (peer: string) => boolean {
  if (option === undefined) return () => true;
  return (peer) => {
    const verdict: unknown = option(peer);
    if (typeof verdict === 'boolean') return verdict;
    if (verdict instanceof Promise) verdict.catch(() => {});
    throw new ArgumentError('badarg', 'the allow option must return true or false at once, and has returned neither');
  };
}

/** Where a node listens that was not told: `ERL_DIST_PORT`, else any port. @throws ArgumentError `badarg`. */
export function distPort(environment: Readonly<Record<string, string | undefined>> = process.env): number {
  const text = environment['ERL_DIST_PORT'] ?? '';
  const port = /^\d*$/.test(text) ? Number(text) : Number.NaN;
  if (port >= 0 && port <= 0xffff) return port;
  throw new ArgumentError('badarg', `ERL_DIST_PORT must be a port from 0 to 65535, not ${JSON.stringify(text)}`);
}
