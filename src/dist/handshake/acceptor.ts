// The side that is connected to (protocol section 2.3): tells nothing about the cookie before the peer has proved to know it.
import { HandshakeError } from '../../errors.js';
import type { Awaited, HandshakeStep, Identity, LengthBytes } from './handshake.js';

/** What to answer to a name; `alive` when a connection to that node is up already. */
export type Decision = 'ok' | 'ok_simultaneous' | 'nok' | 'alive';

export interface AcceptorOptions {
  readonly self: Identity;
  /** 32 random bits from a secure generator, fresh for each handshake. */
  readonly challenge: number;
  readonly lengthBytes: LengthBytes;
  /** OTP's `net_kernel:allow/1`. */
  allow(peer: string): boolean;
  decide(peer: string): Decision;
  cookie(peer: string): string;
  /** Is this one of the challenges that this node has outstanding, this handshake's included? Such a one is not answered. */
  isOwnChallenge(challenge: number): boolean;
  /** A name for a peer that has none and asks for one (DFLAG_NAME_ME); without this such peers are refused. */
  giveName?(host: string): { readonly node: string; readonly creation: number } | undefined;
}

export class Acceptor {
  constructor(_options: AcceptorOptions) {}

  readonly awaits: Awaited = 'send_name';

  /** The peer's name, once it has said one that we accept. Not proved before `established`. */
  readonly peer: string | undefined = undefined;

  receive(_chunk: Uint8Array): HandshakeStep {
    return { output: [] };
  }

  /** Why the handshake has failed, when it ends from outside: the peer closed, the setup time is over, we gave up. */
  abandon(why: 'closed' | 'setup_timeout' | 'aborted'): HandshakeError {
    return new HandshakeError(why, 'not written yet', this.awaits);
  }
}
