// Accepting connections: a stranger has the setup time and little memory to prove that it knows the cookie.
// What an unproved peer says changes nothing for anybody else (promises 3 and 4).

import { Acceptor, type Decision } from '../dist/handshake/acceptor.js';
import type { Established, Identity, LengthBytes } from '../dist/handshake/handshake.js';
import type { ConnectionError, HandshakeError } from '../errors.js';
import type { ByteStream, ByteStreamSink, Transport } from '../transport/transport.js';
import type { Challenges } from './connect.js';
import type { NameGiver } from './name-giver.js';
import { parseNodeName } from './node-name.js';
import { type Handshaking, shakeHands } from './shake-hands.js';

export interface AcceptOptions {
  readonly identity: Identity;
  readonly transport: Transport;
  /** Milliseconds for the whole handshake. */
  readonly setupTime: number;
  /** Streams that may be in a handshake at once; the oldest makes room for a new one. */
  readonly unauthenticated: number;
  readonly challenges: Challenges;
  /** For peers that come without a name. */
  readonly names: NameGiver;
  cookie(peer: string): string;
  allow(peer: string): boolean;
  decide(peer: string): Decision;
  /** Whether there is a connection to this node, or an attempt to have one. */
  taken(peer: string): boolean;
  /** @returns where the connection's bytes go. */
  onEstablished(established: Established, stream: ByteStream, replacing: boolean): ByteStreamSink;
  /** `peer` is what the stranger called itself, if it got so far. */
  onFailed(remote: string, peer: string | undefined, error: HandshakeError | ConnectionError): void;
}

export class Acceptors {
  readonly #options: AcceptOptions;
  // Insertion order is age: the first one is the oldest.
  readonly #unproved = new Set<Handshaking>();

  constructor(options: AcceptOptions) {
    this.#options = options;
  }

  /** @param lengthBytes of the carrier that brought the stream: a node may listen on several. */
  accept(stream: ByteStream, lengthBytes: LengthBytes): void {
    const options = this.#options;
    const unproved = this.#unproved;
    if (unproved.size >= options.unauthenticated) {
      for (const oldest of unproved) {
        oldest.abort('too_many_unauthenticated');
        break;
      }
    }
    const challenge = options.challenges.issue();
    let replacing = false;
    let given: string | undefined;
    const acceptor = new Acceptor({
      self: options.identity,
      challenge,
      lengthBytes,
      allow: options.allow,
      objection: (peer) => stream.objection?.(parseNodeName(peer).host),
      cookie: options.cookie,
      isOwnChallenge: (theirs) => options.challenges.has(theirs),
      decide(peer) {
        const decision = options.decide(peer);
        replacing = decision === 'alive';
        return decision;
      },
      giveName(host) {
        const named = options.names.give(host, options.taken);
        given = named.node;
        return named;
      },
    });
    let settled = false;
    let handshaking: Handshaking | undefined;
    // May run before shakeHands returns, when a stream fails while it is being started.
    const settle = (): void => {
      settled = true;
      options.challenges.settle(challenge);
      if (handshaking !== undefined) unproved.delete(handshaking);
    };
    handshaking = shakeHands(stream, acceptor, undefined, options.setupTime, {
      onEstablished(established) {
        settle();
        return options.onEstablished(established, stream, replacing);
      },
      onFailed(error) {
        settle();
        if (given !== undefined) options.names.release(given);
        options.onFailed(stream.remote, acceptor.peer, error);
      },
    });
    if (!settled) unproved.add(handshaking);
  }

  /** Drops everybody who has not proved anything yet. */
  stop(): void {
    for (const handshaking of [...this.#unproved]) handshaking.abort();
  }
}
