// How a connection fares, for people and programs who want to know.
import { DFLAG, flagNames, hasFlags } from '../dist/flags.js';
import type { Direction, Pending } from './connections.js';
import type { DistController } from './dist-controller.js';

/**
 * How one connection fares: one that is up, or one that this node tries to make. What a connection that is not up yet
 * does not have is undefined, zero or empty.
 */
export interface ConnectionInfo {
  readonly node: string;
  /**
   * `up`: messages flow. `lookup`: the node is looked up and a stream to it is opened. `handshake`: both sides prove who
   * they are. `awaited`: the peer has refused our attempt because it makes one of its own.
   */
  readonly state: 'lookup' | 'handshake' | 'awaited' | 'up';
  /** Who opens the connection: `out` for this node, `in` for the peer. */
  readonly direction: Direction;
  /** When the connection came up; when the attempt began, if it has not. */
  readonly since: Date;
  /** Whether either side is a hidden node. */
  readonly hidden: boolean | undefined;
  /** Which life of the peer this is. */
  readonly creation: number | undefined;
  /** The negotiated flags, by their names in the specification. */
  readonly flags: readonly string[];
  /**
   * The OTP release that announces what this peer announced, as far as flags tell releases apart. A node that is no
   * BEAM announces what it likes.
   */
  readonly release: '23' | '24' | '25-27' | '28' | '29' | undefined;
  /** The other end of the stream. */
  readonly remote: string | undefined;
  /** Bytes and messages since the connection came up; fragments and ticks are no messages. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly messagesIn: number;
  readonly messagesOut: number;
  readonly ticksIn: number;
  readonly ticksOut: number;
  /** Milliseconds since the peer has given any sign of life. */
  readonly silentFor: number;
  /** Fragmented messages of which the last part has not come yet. */
  readonly openFragments: number;
  /** Atoms that were sent as cache references, 0 to 1 of all; NaN before the first. */
  readonly atomCacheHitRate: number;
  /** Bytes that have not left this process yet; those that wait for the connection are estimated. */
  readonly queuedBytes: number;
  /** Whether `queuedBytes` is over the busy mark: producers should wait. */
  readonly busy: boolean;
}

export function connectionInfo(controller: DistController): ConnectionInfo {
  const { statistics, established } = controller;
  const { lastHeard, atomCacheHits, atomCacheFills, ...counts } = statistics;
  return {
    node: controller.peer,
    state: 'up',
    direction: controller.direction,
    since: dateOf(controller.since),
    hidden: controller.hidden,
    creation: established.peerCreation,
    flags: flagNames(established.flags),
    release: releaseOf(established.peerFlags),
    remote: controller.remote,
    ...counts,
    silentFor: Math.max(0, performance.now() - lastHeard),
    atomCacheHitRate: atomCacheHits / (atomCacheHits + atomCacheFills),
    queuedBytes: controller.queuedBytes,
    busy: controller.busy,
  };
}

/** What is known of a connection that is not up yet. Of strangers that have not proved who they are there is none. */
export function pendingInfo({ node, state, direction, since, queuedBytes }: Pending): ConnectionInfo {
  return {
    node,
    state,
    direction,
    since: dateOf(since),
    hidden: undefined,
    creation: undefined,
    flags: [],
    release: undefined,
    remote: undefined,
    bytesIn: 0,
    bytesOut: 0,
    messagesIn: 0,
    messagesOut: 0,
    ticksIn: 0,
    ticksOut: 0,
    silentFor: 0,
    openFragments: 0,
    atomCacheHitRate: Number.NaN,
    queuedBytes,
    busy: false,
  };
}

/** The time of day of a moment on the clock of `performance.now()`. */
function dateOf(moment: number): Date {
  return new Date(Math.round(performance.timeOrigin + moment));
}

/** The first flag that a release brought (protocol section 9.1). */
function releaseOf(flags: bigint): ConnectionInfo['release'] {
  if (hasFlags(flags, DFLAG.DFLAG_NATIVE_RECORDS)) return '29';
  if (hasFlags(flags, DFLAG.DFLAG_ALTACT_SIG)) return '28';
  if (hasFlags(flags, DFLAG.DFLAG_MANDATORY_25_DIGEST)) return '25-27';
  return hasFlags(flags, DFLAG.DFLAG_V4_NC) ? '24' : '23';
}
