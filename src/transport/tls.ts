// Distribution over TLS (protocol section 7.1; OTP: -proto_dist inet_tls). TLS from the first byte, no ALPN, and lengths
// of four bytes in the distribution handshake. Both ends show a certificate, for their own host, or nothing comes about.
import { isIP, type Socket } from 'node:net';
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { checkIsOptions } from '../arguments.js';
import { ArgumentError, ConnectionError } from '../errors.js';
import { untilConnected } from './abort.js';
import { hostAndPort } from './socket-stream.js';
import { checkTcpOptions, connectSocket, listenForSockets, type TcpOptions } from './tcp.js';
import { secured, tlsAcceptor } from './tls-accept.js';
import { Credentials } from './tls-credentials.js';
import { nameError, nameFault, tlsError } from './tls-errors.js';
import { type OtpTlsOptions, type TlsOptions, type TlsSide, tlsSides } from './tls-options.js';
import type { ByteStream, Endpoint, Transport } from './transport.js';

/**
 * The carrier of `erl -proto_dist inet_tls`.
 *
 * Peers are verified in both directions unless `dangerously` says otherwise: their certificate is signed by an authority
 * of `ca`, and it is for the host part of the node's name. Files are read now, and again when they have changed.
 *
 * @param options key, certificate and authorities; or the contents of OTP's `ssl_dist_optfile` as an object.
 * @throws ArgumentError `badarg` when something is missing or does not fit together.
 */
export function tls(options: TlsOptions | OtpTlsOptions): Transport {
  checkIsOptions('tls', options);
  checkTcpOptions('tls', options);
  const { server, client } = tlsSides(options);
  const most = mostHandshakes(options);
  const ofServer = server === undefined ? undefined : new Credentials(server);
  const ofClient = client === undefined ? undefined : new Credentials(client);
  return {
    name: 'tls',
    handshakeLengthBytes: 4,
    silence: 'it may be a node without TLS, or refuse our certificate (its log says so then)',
    async connect(endpoint, { signal }) {
      if (client === undefined || ofClient === undefined) throw absent('client', 'connect to anybody');
      return connect(endpoint, signal, client, ofClient, options);
    },
    async listen(listenOptions) {
      if (server === undefined || ofServer === undefined) throw absent('server', 'listen');
      const accept = tlsAcceptor(server, ofServer, most, (error) => listenOptions.onError(error));
      return listenForSockets(listenOptions, options, (socket) => listenOptions.onConnection(accept(socket)));
    },
  };
}

/**
 * Strangers that may be in the middle of TLS at once. Where 5,000 go so far and no further, memory grows by 43 to 47 MiB with
 * 64, by 47 to 64 with 128, and by 70 with 256, of which 40 are their sockets. Of 300 nodes that connect at once all get in
 * with 64; of 600 a sixth has to come again (measured).
 */
const MOST_HANDSHAKES = 64;

function mostHandshakes({ maxHandshakes = MOST_HANDSHAKES }: TlsOptions | OtpTlsOptions): number {
  if (Number.isInteger(maxHandshakes) && maxHandshakes > 0) return maxHandshakes;
  throw new ArgumentError('badarg', `tls: expected maxHandshakes to be a whole number above 0, got ${maxHandshakes}`);
}

function absent(side: string, what: string): ArgumentError {
  return new ArgumentError('badarg', `tls: without options for the ${side} this node cannot ${what}`);
}

async function connect(
  endpoint: Endpoint,
  signal: AbortSignal,
  side: TlsSide,
  credentials: Credentials,
  options: TcpOptions,
): Promise<ByteStream> {
  // A failure leaves the old ones, and here is nobody to be told; a listener of the same transport tells.
  credentials.refresh();
  const socket = await connectSocket(endpoint, signal, options);
  return secure(socket, endpoint, signal, side, {
    socket,
    secureContext: credentials.context,
    ...identity(endpoint, side),
  });
}

/** Whose certificate we want. No server name for an address (RFC 6066), which is checked all the same. */
function identity({ host, port, nodeHost = host }: Endpoint, side: TlsSide): ConnectionOptions {
  return {
    rejectUnauthorized: side.verify,
    checkServerIdentity(_, certificate) {
      const fault = side.names ? nameFault(nodeHost, certificate) : undefined;
      return fault === undefined ? undefined : nameError(hostAndPort(host, port), fault);
    },
    ...(isIP(nodeHost) === 0 ? { servername: nodeHost } : {}),
  };
}

async function secure(
  socket: Socket,
  { host, port }: Endpoint,
  signal: AbortSignal,
  side: TlsSide,
  options: ConnectionOptions,
): Promise<ByteStream> {
  const remote = hostAndPort(host, port);
  // What is read goes to the TLS side; what is left is noise of a socket that nobody wants any more.
  socket.on('error', () => {});
  const errorOf = (error?: Error) =>
    error instanceof ConnectionError ? error : tlsError(remote, error, socket.bytesRead);
  const ready = (upper: TLSSocket) => secured(upper, hostAndPort(socket.remoteAddress, socket.remotePort), side);
  try {
    return await untilConnected('secureConnect', signal, remote, () => tlsConnect(options), errorOf, ready);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}
