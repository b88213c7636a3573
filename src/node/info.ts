// How a connection fares, for people and programs who want to know.
import { flagNames } from '../dist/flags.js';
import type { DistController } from './dist-controller.js';

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

export function connectionInfo(controller: DistController): ConnectionInfo {
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
