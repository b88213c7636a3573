// The side that connects (protocol section 2.3): names itself, and proves that it knows the cookie before the peer does.
// A challenge of our own is never answered, or a peer without the cookie could have us prove it to ourselves.
import type { Buffer } from 'node:buffer';
import { HandshakeError, type HandshakeErrorCode } from '../../errors.js';
import { DFLAG, expandDigest, flagNames, hasFlags, REQUIRED_FLAGS } from '../flags.js';
import { FrameReader } from '../frame.js';
import { digest, sameDigest } from './digest.js';
import {
  type Awaited,
  abandoned,
  type Established,
  type HandshakeStep,
  hear,
  type Identity,
  type LengthBytes,
  MAX_MESSAGE_BYTES,
  type Unframed,
} from './handshake.js';
import {
  escaped,
  messageInWords,
  type Named,
  readChallenge,
  readChallengeAck,
  readNamed,
  readStatus,
  writeChallengeReply,
  writeSendName,
  writeStatus,
} from './messages.js';
import { nodeNameFault } from './node-name.js';

export interface InitiatorOptions {
  /** With DFLAG_NAME_ME in its flags the peer is asked for a name; `node` is then our host and `creation` 0. */
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

interface ExpectStatus {
  readonly awaits: 'status';
}
interface ExpectChallenge {
  readonly awaits: 'challenge';
  readonly named: Named | undefined;
}
interface ExpectChallengeAck {
  readonly awaits: 'challenge_ack';
  readonly established: Omit<Established, 'rest'>;
}
interface Over {
  readonly awaits: 'nothing';
}
type State = ExpectStatus | ExpectChallenge | ExpectChallengeAck | Over;

const over: Over = { awaits: 'nothing' };

/**
 * The side that connects, as a machine: send what `start` gives, feed `receive` with what comes and send what it answers,
 * until a step is `established` or has a `failure`. When the carrier closes or time is up, `abandon` says what it means.
 */
export class Initiator {
  readonly #options: InitiatorOptions;
  readonly #reader: FrameReader;
  #state: State = { awaits: 'status' };

  constructor(options: InitiatorOptions) {
    this.#options = options;
    this.#reader = new FrameReader(options.lengthBytes, MAX_MESSAGE_BYTES);
  }

  get awaits(): Awaited {
    return this.#state.awaits;
  }

  /** The first bytes to send, once the carrier is connected. */
  start(): Buffer {
    const { self, lengthBytes } = this.#options;
    return writeSendName(lengthBytes, self.flags, self.creation, self.node);
  }

  /** Feeds what the socket gave. Never throws. */
  receive(chunk: Uint8Array): HandshakeStep {
    if (this.#state.awaits === 'nothing') return { output: [] };
    const step = hear(this.#reader, chunk, this, (body) => this.#hear(body));
    if (step.failure !== undefined) this.#state = over;
    return step;
  }

  /** Why the handshake has failed, when it ends from outside: the peer closed, the setup time is over, we gave up. */
  abandon(why: 'closed' | 'setup_timeout' | 'aborted'): HandshakeError {
    const { peer } = this.#options;
    const step = this.#state.awaits;
    this.#state = over;
    if (why !== 'closed' || step !== 'challenge_ack') return abandoned(peer, step, why);
    const cause = 'that is what a node does whose cookie differs: compare the cookies of both nodes';
    return new HandshakeError('bad_cookie', `${peer} closed the connection after our digest; ${cause}`, step);
  }

  #hear(body: Buffer): Unframed {
    const state = this.#state;
    switch (state.awaits) {
      case 'status':
        return this.#onStatus(body);
      case 'challenge':
        return this.#onChallenge(body, state);
      case 'challenge_ack':
        return this.#onChallengeAck(body, state);
      case 'nothing':
        return {};
    }
  }

  #fail(code: HandshakeErrorCode, what: string, output?: Buffer): Unframed {
    const message = `handshake with ${this.#options.peer}, waiting for its ${this.#state.awaits}: ${what}`;
    const failure = new HandshakeError(code, message, this.#state.awaits);
    return output === undefined ? { failure } : { output: [output], failure };
  }

  #onStatus(body: Buffer): Unframed {
    const { self, lengthBytes, stillWanted } = this.#options;
    const asksForName = hasFlags(self.flags, DFLAG.DFLAG_NAME_ME);
    const status = readStatus(body);
    if (status === undefined) return this.#fail('unexpected_message', `expected a status, got ${messageInWords(body)}`);
    if (status.startsWith('named:')) return this.#onNamed(body, asksForName);
    switch (status) {
      case 'ok':
      case 'ok_simultaneous':
        if (asksForName) return this.#fail('unexpected_message', `we asked for a name and got ${messageInWords(body)}`);
        this.#state = { awaits: 'challenge', named: undefined };
        return {};
      case 'alive':
        if (asksForName) return this.#fail('unexpected_message', `we asked for a name and got ${messageInWords(body)}`);
        if (stillWanted?.() === false) {
          const what = 'the peer has a connection to us already, and this one is no longer wanted';
          return this.#fail('alive', what, writeStatus(lengthBytes, 'false'));
        }
        this.#state = { awaits: 'challenge', named: undefined };
        return { output: [writeStatus(lengthBytes, 'true')] };
      case 'nok':
        return this.#fail('nok', 'the peer goes on with its own attempt to connect to us, or cannot use our name');
      case 'not_allowed':
        return this.#fail(
          'not_allowed',
          'the peer does not let us in: our name is not in its net_kernel:allow list, or we lack flags that it demands',
        );
      default:
        return this.#fail('unexpected_message', `there is no ${messageInWords(body)}`);
    }
  }

  #onNamed(body: Buffer, asksForName: boolean): Unframed {
    if (!asksForName) return this.#fail('unexpected_message', 'the peer gave us a name that we did not ask for');
    const named = readNamed(body);
    if (named === undefined) return this.#fail('unexpected_message', 'the name that the peer gave us is cut short');
    const fault = nodeNameFault(named.node);
    if (fault !== undefined) {
      return this.#fail('bad_name', `the peer named us ${escaped(named.node)}: ${fault.what}`);
    }
    this.#state = { awaits: 'challenge', named };
    return {};
  }

  #onChallenge(body: Buffer, { named }: ExpectChallenge): Unframed {
    const { self, peer, cookie, challenge: own, lengthBytes, isOwnChallenge } = this.#options;
    const theirs = readChallenge(body);
    if (theirs === undefined) {
      const cause = body[0] === 'n'.charCodeAt(0) ? '; the peer may be older than OTP 23' : '';
      return this.#fail('unexpected_message', `expected a challenge, got ${messageInWords(body)}${cause}`);
    }
    if (theirs.name !== peer) {
      return this.#fail('wrong_node', `who answers there is ${escaped(theirs.name)}; its address may be out of date`);
    }
    const peerFlags = expandDigest(theirs.flags);
    if (!hasFlags(peerFlags, REQUIRED_FLAGS)) {
      return this.#fail('missing_flags', `the peer lacks ${flagNames(REQUIRED_FLAGS & ~peerFlags).join(', ')}`);
    }
    if (theirs.challenge === own || isOwnChallenge?.(theirs.challenge) === true) {
      return this.#fail('unexpected_message', 'the peer sent back a challenge of our own, which we do not answer');
    }
    const established = {
      peer,
      peerCreation: theirs.creation,
      peerFlags: theirs.flags,
      flags: self.flags & peerFlags & ~DFLAG.DFLAG_NAME_ME,
    };
    this.#state = {
      awaits: 'challenge_ack',
      established: named === undefined ? established : { ...established, named },
    };
    return { output: [writeChallengeReply(lengthBytes, own, digest(cookie, theirs.challenge))] };
  }

  #onChallengeAck(body: Buffer, { established }: ExpectChallengeAck): Unframed {
    const { cookie, challenge } = this.#options;
    const proof = readChallengeAck(body);
    if (proof === undefined)
      return this.#fail('unexpected_message', `expected its digest, got ${messageInWords(body)}`);
    if (!sameDigest(proof, digest(cookie, challenge))) {
      return this.#fail('bad_cookie', 'the cookie digest did not match: compare the cookies of both nodes');
    }
    this.#state = over;
    return { established };
  }
}
