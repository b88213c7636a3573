// Connecting to a node: look it up, open a stream to one of its places, shake hands (protocol 2.3).
import { randomBytes } from 'node:crypto';
import type { Discovery, NodeName } from '../discovery/discovery.js';
import type { Established, Identity } from '../dist/handshake/handshake.js';
import { Initiator } from '../dist/handshake/initiator.js';
import { ConnectionError, ErlnodeError, HandshakeError } from '../errors.js';
import type { ByteStream, ByteStreamSink, Endpoint, Transport } from '../transport/transport.js';
import type { Attempt } from './connections.js';
import { parseNodeName } from './node-name.js';
import { Race } from './open-stream.js';
import { type Handshaking, shakeHands } from './shake-hands.js';

export interface DialOptions {
  readonly identity: Identity;
  readonly discovery: Discovery;
  readonly transport: Transport;
  /** Milliseconds for everything: lookup, connecting, handshake. */
  readonly setupTime: number;
  readonly challenges: Challenges;
  cookie(peer: string): string;
  allow(peer: string): boolean;
  stillWanted(peer: string): boolean;
  /** @returns where the connection's bytes go. */
  onEstablished(established: Established, stream: ByteStream): ByteStreamSink;
  onFailed(peer: string, attempt: Attempt, error: Error): void;
}

/** The challenges of handshakes in progress: one of them coming back from a peer is a reflection and never answered. */
export class Challenges {
  readonly #outstanding = new Set<number>();

  issue(): number {
    for (;;) {
      const challenge = randomBytes(4).readUInt32BE();
      if (this.#outstanding.has(challenge)) continue;
      this.#outstanding.add(challenge);
      return challenge;
    }
  }

  has(challenge: number): boolean {
    return this.#outstanding.has(challenge);
  }

  settle(challenge: number): void {
    this.#outstanding.delete(challenge);
  }
}

/**
 * Milliseconds that an attempt waits for one of the peer's; a handshake that goes well takes a few. Less than any setup
 * time leaves: whoever makes us wait may be a stranger that has only taken the peer's name.
 */
const HOLD = 1000;

/** Starts an attempt. It reports exactly once, and never before this function has returned. */
export function dial(peer: string, options: DialOptions): Attempt {
  const deadline = performance.now() + options.setupTime;
  const aborter = new AbortController();
  let handshaking: Handshaking | undefined;
  let held: Promise<void> | undefined;
  let release = (): void => {};
  let established = false;
  const attempt: Attempt = {
    phase: 'lookup',
    deadline,
    hold() {
      // Once: a stranger that keeps claiming to be the peer must not keep us from it.
      held ??= new Promise((resolve) => {
        const timer = setTimeout(resolve, Math.min(HOLD, options.setupTime / 4));
        release = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    },
    release: () => release(),
    abort() {
      // A transport may take the signal for one that ends its stream.
      if (established) return;
      aborter.abort();
      release();
      handshaking?.abort();
    },
  };
  let race: Race | undefined;
  const timer = setTimeout(() => aborter.abort(late(peer, options, race)), options.setupTime);
  const fail = (error: Error): void => {
    clearTimeout(timer);
    options.onFailed(peer, attempt, error);
  };

  const run = async (): Promise<void> => {
    // First, so that a cookie function that throws leaves no stream behind.
    const cookie = asked('cookie', () => options.cookie(peer));
    race = await places(peer, options, aborter.signal);
    const stream = await race.run(aborter.signal).catch((error: Error) => {
      throw aborter.signal.aborted ? abortReason(aborter.signal) : error;
    });
    await held;
    clearTimeout(timer);
    if (aborter.signal.aborted) {
      stream.destroy();
      throw abortReason(aborter.signal);
    }
    const challenge = options.challenges.issue();
    const initiator = new Initiator({
      self: options.identity,
      peer,
      cookie,
      challenge,
      lengthBytes: options.transport.handshakeLengthBytes,
      stillWanted: () => options.stillWanted(peer),
      isOwnChallenge: (theirs) => options.challenges.has(theirs),
    });
    attempt.phase = 'handshake';
    handshaking = shakeHands(stream, initiator, initiator.start(), Math.max(1, deadline - performance.now()), {
      onEstablished(outcome) {
        established = true;
        options.challenges.settle(challenge);
        return options.onEstablished(outcome, stream);
      },
      onFailed(error) {
        options.challenges.settle(challenge);
        fail(explained(error, options.transport));
      },
    });
  };
  // Not before the caller has the attempt in hand.
  Promise.resolve().then(run).catch(fail);
  return attempt;
}

async function places(peer: string, options: DialOptions, signal: AbortSignal): Promise<Race> {
  const { discovery, transport } = options;
  if (!asked('allow', () => options.allow(peer))) {
    throw new HandshakeError('not_allowed', `${peer} is not a node that this node's allow option lets in`, 'lookup');
  }
  const endpoints = await lookUp(peer, options, signal);
  if (endpoints.length === 0) {
    throw new ConnectionError('noport', `${discovery.name} does not know ${peer}: is it running, and under that name?`);
  }
  // Who it must be comes from the name that was asked for, never from who answered where it is.
  const { host } = parseNodeName(peer);
  const named = endpoints.map((endpoint) => ({ ...endpoint, node: peer, nodeHost: host }));
  return new Race(peer, named, transport);
}

async function lookUp(
  peer: string,
  { discovery, identity }: Pick<DialOptions, 'discovery' | 'identity'>,
  signal: AbortSignal,
): Promise<readonly Endpoint[]> {
  // Whoever has no name yet gives its host instead.
  const asker = identity.node.includes('@') ? { self: identity.node as NodeName } : {};
  let endpoints: unknown;
  try {
    endpoints = await orAborted(discovery.resolve(peer as NodeName, { signal, ...asker }), signal);
  } catch (error) {
    // A plug-in is asked to throw errors of ours.
    if (error instanceof ErlnodeError) throw error;
    const why = error instanceof Error ? error.message : 'it threw something that is no Error';
    throw new ConnectionError('noport', `discovery ${discovery.name} failed to look up ${peer}: ${why}`, {
      cause: error,
    });
  }
  if (!Array.isArray(endpoints) || !endpoints.every(isEndpoint)) {
    const wanted = 'expected a list of { host, port } with a host name and a port from 1 to 65535';
    throw new ConnectionError('noport', `${wanted} from discovery ${discovery.name}, got something else for ${peer}`);
  }
  return endpoints;
}

function isEndpoint(value: unknown): value is Endpoint {
  const { host, port } = (value ?? {}) as Partial<Record<keyof Endpoint, unknown>>;
  if (typeof host !== 'string' || host === '' || typeof port !== 'number') return false;
  return Number.isInteger(port) && port >= 1 && port <= 65_535;
}

/** What an option of the user's says; what it throws is not for whoever reads our errors, but kept as their cause. */
function asked<Value>(option: 'cookie' | 'allow', ask: () => Value): Value {
  try {
    return ask();
  } catch (cause) {
    if (cause instanceof ErlnodeError) throw cause;
    throw new HandshakeError('aborted', `the function given as the ${option} option has thrown`, 'lookup', { cause });
  }
}

/** A plug-in that does not heed its signal must not hold an attempt beyond the setup time. */
function orAborted<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(abortReason(signal));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    Promise.resolve(work)
      .then(resolve, (error) => reject(signal.aborted ? abortReason(signal) : error))
      .finally(() => signal.removeEventListener('abort', onAbort));
  });
}

function abortReason(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  return reason instanceof ConnectionError ? reason : new ConnectionError('aborted', 'the attempt was given up');
}

function late(peer: string, { setupTime, discovery }: DialOptions, race: Race | undefined): Error {
  const what = `${peer} was not found and reached within ${setupTime / 1000} s by ${discovery.name}`;
  return new ConnectionError('timeout', race === undefined ? what : `${what}; ${String(race)}`);
}

/** A carrier that is up on our side may know why the other side leaves without a word. */
function explained(error: HandshakeError | ConnectionError, { silence }: Transport): Error {
  if (silence === undefined || !(error instanceof HandshakeError) || error.step !== 'status') return error;
  if (error.code !== 'closed' && error.code !== 'setup_timeout') return error;
  return new HandshakeError(error.code, `${error.message}: ${silence}`, error.step, { cause: error.cause });
}
