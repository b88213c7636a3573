// Drives a handshake machine on a byte stream until it has established a connection or failed, then hands the stream on.
// One deadline for all of it, whatever the peer drips (promise 3).
import type { Buffer } from 'node:buffer';
import type { Established, HandshakeStep } from '../dist/handshake/handshake.js';
import { ConnectionError, type HandshakeError } from '../errors.js';
import type { ByteStream, ByteStreamSink } from '../transport/transport.js';

/** Why we give up on a handshake: somebody wants it no more, or there are too many of them. */
type GivenUp = 'aborted' | 'too_many_unauthenticated';

/** An Initiator or an Acceptor. */
interface HandshakeMachine {
  receive(chunk: Uint8Array): HandshakeStep;
  abandon(why: 'closed' | 'setup_timeout' | GivenUp): HandshakeError;
}

export interface HandshakeOutcome {
  /** The stream is the receiver's from now on: what comes next goes to the sink that is returned. */
  onEstablished(established: Established): ByteStreamSink;
  /** The stream has been closed. A ConnectionError says what the carrier found wrong, which explains more. */
  onFailed(error: HandshakeError | ConnectionError): void;
}

export interface Handshaking {
  /** Gives up: closes the stream and reports `aborted`, or why else. Nothing happens when it is over already. */
  abort(why?: GivenUp): void;
}

/**
 * @param first what an initiator sends before anything comes.
 * @param deadline milliseconds left for all of it.
 */
export function shakeHands(
  stream: ByteStream,
  machine: HandshakeMachine,
  first: Buffer | undefined,
  deadline: number,
  outcome: HandshakeOutcome,
): Handshaking {
  let next: ByteStreamSink | undefined;
  let over = false;

  const timer = setTimeout(() => fail(machine.abandon('setup_timeout')), deadline);

  function fail(error: HandshakeError | ConnectionError): void {
    if (over) return;
    over = true;
    clearTimeout(timer);
    stream.destroy();
    outcome.onFailed(error);
  }

  function refuse(error: HandshakeError): void {
    over = true;
    clearTimeout(timer);
    // The peer is told why before the socket closes; one that does not read cannot keep it open.
    stream.end();
    const linger = setTimeout(() => stream.destroy(), 1000);
    linger.unref();
    outcome.onFailed(error);
  }

  stream.start({
    onData(chunk) {
      if (next !== undefined) {
        next.onData(chunk);
        return;
      }
      if (over) return;
      const step = machine.receive(chunk);
      if (step.output.length > 0) stream.write(step.output);
      if (step.failure !== undefined) {
        if (step.output.length > 0) refuse(step.failure);
        else fail(step.failure);
      } else if (step.established !== undefined) {
        over = true;
        clearTimeout(timer);
        next = outcome.onEstablished(step.established);
        if (step.established.rest.length > 0) next.onData(step.established.rest);
      }
    },
    onDrain() {
      next?.onDrain();
    },
    onClose(error) {
      if (next !== undefined) next.onClose(error);
      else {
        const abandoned = machine.abandon('closed');
        const ofCarrier = error instanceof ConnectionError && error.code !== 'connection_closed';
        fail(ofCarrier ? error : abandoned);
      }
    },
  });
  if (first !== undefined) stream.write([first]);
  return { abort: (why = 'aborted') => fail(machine.abandon(why)) };
}
