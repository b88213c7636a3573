// What initiator and acceptor share: who we are, what a step gives back, what a handshake that succeeded has established
// (protocol section 2). Machines never throw: a failure is a step's last word, with the bytes still to be sent before closing.
import type { Buffer } from 'node:buffer';
import type { HandshakeError } from '../../errors.js';

/** Who one side says it is. */
export interface Identity {
  /** Full name, `alive@host`; of an initiator asking for a dynamic name, the host part only. */
  readonly node: string;
  /** 32 bits; 0 while asking for a dynamic name. */
  readonly creation: number;
  readonly flags: bigint;
}

/** A connection that is up. */
export interface Established {
  readonly peer: string;
  readonly peerCreation: number;
  /** What the peer announced, as it came. */
  readonly peerFlags: bigint;
  /** The negotiated flags: ours and the peer's, with the peer's digest bit expanded. */
  readonly flags: bigint;
  /** Bytes that came behind the handshake and belong to the connection; often empty. */
  readonly rest: Buffer;
  /** The name and creation we were given, when we asked for a dynamic name. */
  readonly named?: { readonly node: string; readonly creation: number };
}

/**
 * What one chunk of input led to: bytes to send, in order and before anything else happens; then, at most once, either
 * `established` or `failure`. After a `failure` the socket is closed (once `output` is out) and the machine is dead:
 * further input is ignored.
 */
export interface HandshakeStep {
  readonly output: readonly Buffer[];
  readonly established?: Established;
  readonly failure?: HandshakeError;
}

/** Which side of a handshake waits for what; the `step` of a HandshakeError. */
export type Awaited =
  | 'send_name'
  | 'status'
  | 'status_reply'
  | 'challenge'
  | 'complement'
  | 'challenge_reply'
  | 'challenge_ack'
  | 'nothing';

/** Bytes of the length before each message: 2 over plain TCP, 4 over TLS (protocol section 7.1). */
export type LengthBytes = 2 | 4;
