// How much one connection may ask of this node (promises 8 and 9; docs/LIMITS.md). Protocol section 3.1.

/** Limits of one connection, in bytes unless said otherwise. Over one of them: a LimitError, and the connection closes. */
export interface ConnectionLimits {
  /** One frame, checked at its header. Default 128 MiB. */
  readonly frameBytes: number;
  /** One message assembled from fragments. Default 256 MiB. */
  readonly messageBytes: number;
  /** All unfinished fragmented messages together. Default 256 MiB. */
  readonly fragmentBytes: number;
  /** Number of unfinished fragmented messages. Default 10,000. */
  readonly fragmentSequences: number;
  /** Seconds that may go by between two fragments of a message. Time in which we did not run is not counted. Default 300. */
  readonly fragmentTime: number;
}

const MiB = 1024 * 1024;

export const CONNECTION_LIMITS: ConnectionLimits = {
  frameBytes: 128 * MiB,
  messageBytes: 256 * MiB,
  fragmentBytes: 256 * MiB,
  fragmentSequences: 10_000,
  fragmentTime: 300,
};
