// What initiator and acceptor share: who we are, what a step gives back, what a handshake that succeeded has established
// (protocol section 2). Machines never throw: a failure is a step's last word, with the bytes still to be sent before closing.
import type { Buffer } from 'node:buffer';
import { ErlnodeError, HandshakeError, LimitError } from '../../errors.js';
import type { FrameReader } from '../frame.js';

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

/**
 * @internal Longest message that is read: a name is at most 255 characters, and newer peers may append to messages.
 * Short enough for a thousand strangers at once, and for the text of other protocols to be too long at its first bytes.
 */
export const MAX_MESSAGE_BYTES = 4096;

/** @internal What one message led to, before the bytes around it are known. */
export interface Unframed {
  readonly output?: readonly Buffer[];
  readonly established?: Omit<Established, 'rest'>;
  readonly failure?: HandshakeError;
}

/**
 * @internal The boundary of both machines: every message of a chunk to `onMessage`, until it is done or has failed.
 * Whatever is thrown inside, by a callback of the node for instance, becomes a failure here.
 */
export function hear(
  reader: FrameReader,
  chunk: Uint8Array,
  machine: { readonly awaits: Awaited },
  onMessage: (body: Buffer) => Unframed,
): HandshakeStep {
  const output: Buffer[] = [];
  try {
    reader.push(chunk);
    for (;;) {
      const body = reader.next();
      if (body === undefined) return { output };
      const { output: more, established, failure } = onMessage(body);
      if (more !== undefined) output.push(...more);
      if (failure !== undefined) return { output, failure };
      if (established !== undefined) return { output, established: { ...established, rest: reader.rest() } };
    }
  } catch (cause) {
    // Asked now: messages before the one that failed may have led it on.
    return { output, failure: thrown(cause, machine.awaits) };
  }
}

/** @internal Why a handshake has failed that ends from outside: the peer closed, the setup time is over, we gave up. */
export function abandoned(
  peer: string,
  awaits: Awaited,
  why: 'closed' | 'setup_timeout' | 'aborted' | 'too_many_unauthenticated',
): HandshakeError {
  const waiting = `while we waited for its ${awaits}`;
  const gaveUp = `gave up the handshake with ${peer} ${waiting}`;
  const many = 'as many as the node takes (limits.unauthenticated) have come since and have not proved anything';
  const said = {
    closed: `${peer} closed the connection ${waiting}`,
    setup_timeout: `${peer} did not go on with the handshake in time, ${waiting}`,
    aborted: gaveUp,
    too_many_unauthenticated: `${gaveUp}: ${many}`,
  };
  return new HandshakeError(why, said[why], awaits);
}

/** What the first two bytes of TLS are as a length: an alert, or the start of a handshake, of any version. */
const TLS_LENGTHS: readonly number[] = [0x1503, 0x1603];

function thrown(cause: unknown, awaits: Awaited): HandshakeError {
  if (!(cause instanceof LimitError))
    return new HandshakeError('aborted', `our side failed, waiting for ${awaits}: ${causeOf(cause)}`, awaits, {
      cause,
    });
  if (!TLS_LENGTHS.includes(cause.asked))
    return new HandshakeError('unexpected_message', `expected ${awaits}: ${cause.message}`, awaits, { cause });
  const both = 'both nodes need the same carrier (here transport: tls({ … }), there erl -proto_dist inet_tls)';
  return new HandshakeError('unexpected_tls', `expected ${awaits}, got TLS: ${both}`, awaits, { cause });
}

/** Our own errors say nothing that a log must not hold; those of the user's functions may. */
function causeOf(cause: unknown): string {
  if (cause instanceof ErlnodeError) return cause.message;
  return cause instanceof Error ? `${cause.name} in a function of the node's options` : 'something that is no Error';
}
