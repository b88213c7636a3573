// Starting without a name: the first node that we connect to gives us one (DFLAG_NAME_ME, protocol section 2.8).
import { ANNOUNCED_FLAGS, DFLAG } from '../dist/flags.js';
import type { Established } from '../dist/handshake/handshake.js';
import { HandshakeError } from '../errors.js';
import type { ByteStream, ByteStreamSink } from '../transport/transport.js';
import { type DialOptions, dial } from './connect.js';
import type { GivenName } from './name-giver.js';

export interface AskOptions
  extends Pick<DialOptions, 'discovery' | 'transport' | 'setupTime' | 'challenges' | 'cookie'> {
  /** The host part of the name to come. */
  readonly host: string;
  readonly signal: AbortSignal;
  /** Takes the name, and the connection on which it was given. */
  onNamed(named: GivenName, established: Established, stream: ByteStream): ByteStreamSink;
}

/** @throws as `node.connect` does; HandshakeError `not_allowed` by a node that gives no names. */
export function askForName(namer: string, options: AskOptions): Promise<void> {
  const { host, signal } = options;
  return new Promise((resolve, reject) => {
    const attempt = dial(namer, {
      ...options,
      identity: { node: host, creation: 0, flags: ANNOUNCED_FLAGS | DFLAG.DFLAG_NAME_ME },
      allow: () => true,
      stillWanted: () => true,
      onEstablished(established, stream) {
        signal.removeEventListener('abort', attempt.abort);
        const { named } = established;
        if (named !== undefined) {
          const sink = options.onNamed(named, established, stream);
          resolve();
          return sink;
        }
        stream.destroy();
        reject(new HandshakeError('bad_name', `${namer} let us in without giving us a name`, 'status'));
        return { onData() {}, onDrain() {}, onClose() {} };
      },
      onFailed(_peer, _attempt, error) {
        signal.removeEventListener('abort', attempt.abort);
        reject(error);
      },
    });
    signal.addEventListener('abort', attempt.abort, { once: true });
  });
}
