// How a connection fares, for people and programs who want to know.
import { DFLAG, flagNames, hasFlags } from '../dist/flags.js';
import type { DistController } from './dist-controller.js';

/** How one connection fares. */
export interface ConnectionInfo {
  readonly node: string;
  readonly hidden: boolean;
  readonly creation: number;
  /** The negotiated flags, by their names in the specification. */
  readonly flags: readonly string[];
  /**
   * The OTP release that announces what this peer announced, as far as flags tell releases apart. A node that is no
   * BEAM announces what it likes.
   */
  readonly release: '23' | '24' | '25-27' | '28' | '29';
  /** The other end of the stream. */
  readonly remote: string;
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
  /** Bytes that have not left this process yet. */
  readonly queuedBytes: number;
  /** Whether `queuedBytes` is over the busy mark: producers should wait. */
  readonly busy: boolean;
}

export function connectionInfo(controller: DistController): ConnectionInfo {
  const { statistics, established } = controller;
  const { lastHeard, atomCacheHits, atomCacheFills, ...counts } = statistics;
  return {
    node: controller.peer,
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

/** The first flag that a release brought (protocol section 9.1). */
function releaseOf(flags: bigint): ConnectionInfo['release'] {
  if (hasFlags(flags, DFLAG.DFLAG_NATIVE_RECORDS)) return '29';
  if (hasFlags(flags, DFLAG.DFLAG_ALTACT_SIG)) return '28';
  if (hasFlags(flags, DFLAG.DFLAG_MANDATORY_25_DIGEST)) return '25-27';
  return hasFlags(flags, DFLAG.DFLAG_V4_NC) ? '24' : '23';
}
