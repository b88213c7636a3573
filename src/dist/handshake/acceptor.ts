// The side that is connected to (protocol section 2.3). Before the peer has proved that it knows the cookie it learns
// nothing that depends on the cookie: no ack before verification, and no byte at all after a wrong digest.
import type { Buffer } from 'node:buffer';
import { HandshakeError, type HandshakeErrorCode } from '../../errors.js';
import { DFLAG, expandDigest, flagNames, hasFlags, REQUIRED_FLAGS } from '../flags.js';
import { FrameReader } from '../frame.js';
import { digest, sameDigest } from './digest.js';
import {
  type Awaited,
  abandoned,
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
  readChallengeReply,
  readComplement,
  readSendName,
  readStatus,
  type SendName,
  writeChallenge,
  writeChallengeAck,
  writeNamedStatus,
  writeStatus,
} from './messages.js';
import { isHost, nodeNameFault } from './node-name.js';

/** What to answer to a name; `alive` when a connection to that node is up already. */
export type Decision = 'ok' | 'ok_simultaneous' | 'nok' | 'alive';

export interface AcceptorOptions {
  readonly self: Identity;
  /** 32 random bits from a secure generator, fresh for each handshake. */
  readonly challenge: number;
  readonly lengthBytes: LengthBytes;
  /** OTP's `net_kernel:allow/1`. */
  allow(peer: string): boolean;
  /** Why the peer cannot be who it says, as far as the carrier can tell. */
  objection?(peer: string): string | undefined;
  decide(peer: string): Decision;
  cookie(peer: string): string;
  /** Is this one of the challenges that this node has outstanding, this handshake's included? Such a one is not answered. */
  isOwnChallenge(challenge: number): boolean;
  /** A name for a peer that has none and asks for one (DFLAG_NAME_ME); without this such peers are refused. */
  giveName?(host: string): Named | undefined;
}

/** What the peer has said about itself. `creation` is undefined until the complement of an old send_name. */
interface Claimed {
  readonly name: string;
  readonly creation: number | undefined;
  readonly flags: bigint;
  /** We named it. */
  readonly dynamic: boolean;
}

interface ExpectName {
  readonly awaits: 'send_name';
}
interface ExpectStatusReply {
  readonly awaits: 'status_reply';
  readonly claimed: Claimed;
}
interface ExpectComplement {
  readonly awaits: 'complement';
  readonly claimed: Claimed;
}
interface ExpectChallengeReply {
  readonly awaits: 'challenge_reply';
  readonly claimed: Claimed & { readonly creation: number };
}
interface Over {
  readonly awaits: 'nothing';
}
type State = ExpectName | ExpectStatusReply | ExpectComplement | ExpectChallengeReply | Over;

const over: Over = { awaits: 'nothing' };

/**
 * The side that is connected to, as a machine: feed `receive` with what comes and send what it answers, until a step is
 * `established` or has a `failure`. Whom to let in, and with which cookie, the options are asked when the name is known.
 */
export class Acceptor {
  readonly #options: AcceptorOptions;
  readonly #reader: FrameReader;
  #state: State = { awaits: 'send_name' };
  #peer: string | undefined;

  constructor(options: AcceptorOptions) {
    this.#options = options;
    this.#reader = new FrameReader(options.lengthBytes, MAX_MESSAGE_BYTES);
  }

  get awaits(): Awaited {
    return this.#state.awaits;
  }

  /** The peer's name, once it has said one of a usable form. Not proved before `established`. */
  get peer(): string | undefined {
    return this.#peer;
  }

  /** Feeds what the socket gave. Never throws: a callback that does makes the handshake fail. */
  receive(chunk: Uint8Array): HandshakeStep {
    if (this.#state.awaits === 'nothing') return { output: [] };
    const step = hear(this.#reader, chunk, this, (body) => this.#hear(body));
    if (step.failure !== undefined) this.#state = over;
    return step;
  }

  /** Why the handshake has failed, when it ends from outside: the peer closed, the setup time is over, we gave up. */
  abandon(why: 'closed' | 'setup_timeout' | 'aborted' | 'too_many_unauthenticated'): HandshakeError {
    const step = this.#state.awaits;
    this.#state = over;
    return abandoned(this.#peer ?? 'a peer without a name', step, why);
  }

  #hear(body: Buffer): Unframed {
    const state = this.#state;
    switch (state.awaits) {
      case 'send_name':
        return this.#onSendName(body);
      case 'status_reply':
        return this.#onStatusReply(body, state);
      case 'complement':
        return this.#onComplement(body, state);
      case 'challenge_reply':
        return this.#onChallengeReply(body, state);
      case 'nothing':
        return {};
    }
  }

  #fail(code: HandshakeErrorCode, what: string, status?: 'nok' | 'not_allowed'): Unframed {
    const step = this.#state.awaits;
    const message = `handshake with ${this.#peer ?? 'a peer'}, waiting for its ${step}: ${what}`;
    const failure = new HandshakeError(code, message, step);
    return status === undefined ? { failure } : { output: [writeStatus(this.#options.lengthBytes, status)], failure };
  }

  #onSendName(body: Buffer): Unframed {
    const { self, lengthBytes } = this.#options;
    const said = readSendName(body);
    if (said === undefined) return this.#fail('unexpected_message', `expected its name, got ${messageInWords(body)}`);
    if (hasFlags(said.flags, DFLAG.DFLAG_NAME_ME)) return this.#onNameMe(said);
    const fault = nodeNameFault(said.name);
    if (fault !== undefined) {
      const what = `${escaped(said.name)} is no usable node name: ${fault.what}`;
      return fault.kind === 'shape' ? this.#fail('bad_name', what) : this.#fail('bad_name', what, 'nok');
    }
    this.#peer = said.name;
    if (said.name === self.node) return this.#fail('bad_name', 'the peer claims our own name', 'nok');
    const refusal = this.#refuse(said.name, said.flags);
    if (refusal !== undefined) return refusal;
    const claimed = { name: said.name, creation: said.creation, flags: said.flags, dynamic: false };
    const decision = this.#options.decide(said.name);
    switch (decision) {
      case 'nok':
        return this.#fail('nok', 'our own attempt to connect to it takes precedence', 'nok');
      case 'alive':
        this.#state = { awaits: 'status_reply', claimed };
        return { output: [writeStatus(lengthBytes, 'alive')] };
      case 'ok':
      case 'ok_simultaneous':
        return this.#challenge(claimed, writeStatus(lengthBytes, decision));
    }
  }

  #onNameMe({ name: host, flags }: SendName): Unframed {
    if (!isHost(host)) return this.#fail('bad_name', `cannot name a node on ${escaped(host)}, which is no host name`);
    const named = this.#options.giveName?.(host);
    if (named === undefined) {
      return this.#fail('not_allowed', `a peer on ${host} asked for a name, and this node gives none`, 'not_allowed');
    }
    this.#peer = named.node;
    const refusal = this.#refuse(named.node, flags);
    if (refusal !== undefined) return refusal;
    const claimed = { name: named.node, creation: named.creation, flags, dynamic: true };
    return this.#challenge(claimed, writeNamedStatus(this.#options.lengthBytes, named));
  }

  #refuse(name: string, flags: bigint): Unframed | undefined {
    if (!this.#options.allow(name)) {
      return this.#fail('not_allowed', 'the name is not among those that this node allows', 'not_allowed');
    }
    const objection = this.#options.objection?.(name);
    if (objection !== undefined) return this.#fail('hostname_check_failed', objection, 'not_allowed');
    const missing = REQUIRED_FLAGS & ~expandDigest(flags);
    if (missing === 0n) return undefined;
    return this.#fail('missing_flags', `the peer lacks ${flagNames(missing).join(', ')}`, 'not_allowed');
  }

  #onStatusReply(body: Buffer, { claimed }: ExpectStatusReply): Unframed {
    const reply = readStatus(body);
    if (reply === 'true') return this.#challenge(claimed);
    if (reply === 'false') return this.#fail('alive', 'the peer is content with the connection that is up already');
    return this.#fail('unexpected_message', `expected status "true" or "false", got ${messageInWords(body)}`);
  }

  #challenge(claimed: Claimed, status?: Buffer): Unframed {
    const { self, challenge, lengthBytes } = this.#options;
    const { creation } = claimed;
    this.#state =
      creation === undefined
        ? { awaits: 'complement', claimed }
        : { awaits: 'challenge_reply', claimed: { ...claimed, creation } };
    // The peer takes its name only when it sees its wish in our flags, too [checked on OTP 25]; and it stays hidden.
    const flags = claimed.dynamic ? (self.flags & ~DFLAG.DFLAG_PUBLISHED) | DFLAG.DFLAG_NAME_ME : self.flags;
    const message = writeChallenge(lengthBytes, { flags, challenge, creation: self.creation, name: self.node });
    return { output: status === undefined ? [message] : [status, message] };
  }

  #onComplement(body: Buffer, { claimed }: ExpectComplement): Unframed {
    const rest = readComplement(body);
    if (rest === undefined)
      return this.#fail('unexpected_message', `expected its complement, got ${messageInWords(body)}`);
    this.#state = {
      awaits: 'challenge_reply',
      claimed: { ...claimed, creation: rest.creation, flags: claimed.flags | rest.flagsHigh },
    };
    return {};
  }

  #onChallengeReply(body: Buffer, { claimed }: ExpectChallengeReply): Unframed {
    const { self, challenge, lengthBytes } = this.#options;
    const reply = readChallengeReply(body);
    if (reply === undefined)
      return this.#fail('unexpected_message', `expected its digest, got ${messageInWords(body)}`);
    const cookie = this.#options.cookie(claimed.name);
    if (!sameDigest(reply.digest, digest(cookie, challenge))) {
      return this.#fail('bad_cookie', 'the cookie digest did not match: compare the cookies of both nodes');
    }
    if (reply.challenge === challenge || this.#options.isOwnChallenge(reply.challenge)) {
      return this.#fail('unexpected_message', 'the peer sent back a challenge of our own, which we do not answer');
    }
    this.#state = over;
    const ours = claimed.dynamic ? self.flags & ~DFLAG.DFLAG_PUBLISHED : self.flags;
    return {
      output: [writeChallengeAck(lengthBytes, digest(cookie, reply.challenge))],
      established: {
        peer: claimed.name,
        peerCreation: claimed.creation,
        peerFlags: claimed.flags,
        flags: ours & expandDigest(claimed.flags) & ~DFLAG.DFLAG_NAME_ME,
      },
    };
  }
}
