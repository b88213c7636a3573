// The accepting side of TLS. A stream is handed over as soon as TCP has it; bytes come out of it when the peer has
// proved to have a certificate, and never before.
import type { Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { ConnectionError } from '../errors.js';
import { DeferredStream } from './deferred-stream.js';
import { onFirstRecord } from './first-record.js';
import { hostAndPort, socketStream } from './socket-stream.js';
import type { Credentials } from './tls-credentials.js';
import { lateTlsError, nameFault, tlsError, tooLargeError, verificationError } from './tls-errors.js';
import type { TlsSide } from './tls-options.js';
import type { ByteStream } from './transport.js';

/**
 * @param most strangers that may be in the middle of TLS: what each costs then is 60 KB, ten times a silent one's.
 * @param onError new certificates cannot be used; the old ones stay.
 * @returns what takes a socket that TCP has accepted.
 */
export function tlsAcceptor(
  side: TlsSide,
  credentials: Credentials,
  most: number,
  onError: (error: Error) => void,
): (socket: Socket) => ByteStream {
  let shown = credentials.options;
  const server = createServer({
    ...shown,
    requestCert: side.verify,
    // Node would close without a word about the reason; the check is in `judge`.
    rejectUnauthorized: false,
    // The node has a deadline for TLS and everything after it.
    handshakeTimeout: 0x7fff_ffff,
  });
  // Node tells which socket it talks about only by its TLS side; both sides have the same addresses.
  const waiting = new Map<string, { readonly stream: DeferredStream; readonly socket: Socket }>();

  // Insertion order is age.
  const shaking = new Set<DeferredStream>();

  function begin(stream: DeferredStream, socket: Socket): void {
    if (shaking.size >= most) {
      const [oldest] = shaking;
      const why = `${most} others that came later are in the middle of TLS, too (option maxHandshakes)`;
      oldest?.fail(new ConnectionError('aborted', `TLS with ${oldest.remote} was given up: ${why}`));
      if (oldest !== undefined) shaking.delete(oldest);
    }
    shaking.add(stream);
    server.emit('connection', socket);
  }

  function judge(socket: TLSSocket, remote: string): Error | undefined {
    if (!side.verify || socket.authorized) return undefined;
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined)
      return side.optional ? undefined : verificationError(remote, 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE');
    const code = String(socket.authorizationError);
    // One that signs itself must be an authority, and then OpenSSL minds its purpose first.
    const lonely = code === 'INVALID_PURPOSE' && certificate.checkIssued(certificate);
    return verificationError(remote, lonely ? 'DEPTH_ZERO_SELF_SIGNED_CERT' : code);
  }

  server.on('secureConnection', (socket) => {
    const key = addresses(socket);
    const entry = waiting.get(key);
    if (entry === undefined) {
      socket.destroy();
      return;
    }
    waiting.delete(key);
    const { stream } = entry;
    shaking.delete(stream);
    const fault = judge(socket, stream.remote);
    if (fault === undefined) stream.become(secured(socket, stream.remote, side));
    else stream.fail(fault);
  });
  server.on('tlsClientError', (error, socket) => {
    const entry = waiting.get(addresses(socket));
    entry?.stream.fail(tlsError(entry.stream.remote, error, entry.socket.bytesRead));
  });

  return (socket) => {
    const unusable = credentials.refresh();
    if (unusable !== undefined) onError(unusable);
    // Another listener of the same transport may have been the first to notice.
    if (shown !== credentials.options) {
      shown = credentials.options;
      server.setSecureContext(shown);
    }
    const remote = hostAndPort(socket.remoteAddress, socket.remotePort);
    const stream = new DeferredStream(remote, socket);
    const key = addresses(socket);
    // The system has forgotten a connection that we have not: whoever has the addresses now is somebody else.
    waiting.get(key)?.socket.destroy();
    waiting.set(key, { stream, socket });
    socket.on('error', (error: Error) => stream.fail(tlsError(remote, error, socket.bytesRead)));
    socket.once('close', () => {
      if (waiting.get(key)?.stream === stream) waiting.delete(key);
      shaking.delete(stream);
      stream.fail(tlsError(remote, undefined, socket.bytesRead));
      stream.groundClosed();
    });
    onFirstRecord(
      socket,
      () => begin(stream, socket),
      (size) => stream.fail(tooLargeError(remote, size)),
    );
    return stream;
  };
}

function addresses({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}

/** A stream over a connection that is secure by now; both directions. */
export function secured(socket: TLSSocket, remote: string, side: TlsSide): ByteStream {
  const stream = socketStream(socket, { remote, name: (error) => lateTlsError(remote, error) });
  if (side.verify && side.names && socket.authorized)
    stream.objection = (host) => nameFault(host, socket.getPeerCertificate());
  return stream;
}
