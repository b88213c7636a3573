// The side that connects (protocol section 2.3): names itself, and proves that it knows the cookie before the peer does.
import type { Buffer } from 'node:buffer';
import { HandshakeError } from '../../errors.js';
import type { Awaited, HandshakeStep, Identity, LengthBytes } from './handshake.js';

export interface InitiatorOptions {
  readonly self: Identity;
  /** The node we mean to reach. */
  readonly peer: string;
  readonly cookie: string;
  /** 32 random bits from a secure generator, fresh for each handshake. */
  readonly challenge: number;
  readonly lengthBytes: LengthBytes;
  /** Asked when the peer believes it has a connection to us already (status `alive`). Default: yes. */
  stillWanted?(): boolean;
  /** Is this one of the challenges that this node has outstanding in other handshakes? Such a one is not answered. */
  isOwnChallenge?(challenge: number): boolean;
}

export class Initiator {
  constructor(_options: InitiatorOptions) {}

  readonly awaits: Awaited = 'status';

  /** The first bytes to send, once the carrier is connected. */
  start(): Buffer {
    throw new HandshakeError('aborted', 'not written yet', 'status');
  }

  receive(_chunk: Uint8Array): HandshakeStep {
    return { output: [] };
  }

  /** Why the handshake has failed, when it ends from outside: the peer closed, the setup time is over, we gave up. */
  abandon(why: 'closed' | 'setup_timeout' | 'aborted'): HandshakeError {
    return new HandshakeError(why, 'not written yet', this.awaits);
  }
}
