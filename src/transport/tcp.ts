// Plain TCP, OTP's default carrier (protocol 7.2: inet_tcp, inet6_tcp).
// Every failure is a ConnectionError that names the address and the likely cause; no listener outlives its socket.
import { createServer, isIP, connect as netConnect, type Server, type Socket } from 'node:net';
import { checkIsOptions, type OptionNames } from '../arguments.js';
import { ArgumentError, ConnectionError, type ConnectionErrorCode } from '../errors.js';
import { untilConnected } from './abort.js';
import { hostAndPort, socketStream } from './socket-stream.js';
import type { Endpoint, Listener, ListenOptions, Transport } from './transport.js';

export interface TcpOptions {
  /** OTP: `dist_nodelay`. Send small packets at once; default `true`. */
  readonly noDelay?: boolean;
  /** TCP's own keep-alive probes, the first after this many ms of silence. Default: none, the node's ticks do this. */
  readonly keepAlive?: number;
  /** Local address that outgoing connections start from. Default: the operating system chooses. */
  readonly localAddress?: string;
  /** Connections that may wait to be accepted. OTP's default, 128. */
  readonly backlog?: number;
}

const OPTIONS: OptionNames<TcpOptions> = {
  noDelay: true,
  keepAlive: true,
  localAddress: true,
  backlog: true,
};

/**
 * The carrier of an ordinary `erl`, for IPv4 and IPv6 alike.
 *
 * @returns a transport without state: one may serve many nodes.
 * @throws ArgumentError `badarg` for options that are none.
 */
export function tcp(options: TcpOptions = {}): Transport {
  checkIsOptions('tcp', options, OPTIONS);
  checkTcpOptions('tcp', options);
  return {
    name: 'tcp',
    handshakeLengthBytes: 2,
    connect: async (endpoint, { signal }) => socketStream(await connectSocket(endpoint, signal, options)),
    listen: (listenOptions) =>
      listenForSockets(listenOptions, options, (socket) => listenOptions.onConnection(socketStream(socket))),
  };
}

/** @internal What TLS takes, too. Node would tell of them when somebody connects, and not as our errors. */
export function checkTcpOptions(what: string, { noDelay, keepAlive, localAddress, backlog }: TcpOptions): void {
  const check = (name: string, fits: boolean, wanted: string) => {
    if (!fits) throw new ArgumentError('badarg', `${what}: expected ${name} to be ${wanted}`);
  };
  check('noDelay', noDelay === undefined || typeof noDelay === 'boolean', 'true or false');
  check('keepAlive', keepAlive === undefined || isCount(keepAlive), 'milliseconds, a whole number from 0');
  check('localAddress', localAddress === undefined || isIP(localAddress) > 0, 'an IPv4 or IPv6 address');
  check('backlog', backlog === undefined || isCount(backlog), 'a number of connections, a whole number from 0');
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0x7fff_ffff;
}

/** @internal What TLS runs on, too. The socket has been read by nobody. */
export function connectSocket(endpoint: Endpoint, signal: AbortSignal, options: TcpOptions): Promise<Socket> {
  const { host, port } = endpoint;
  const where = hostAndPort(host, port);
  const make = () => {
    if (!isPort(port) || port === 0)
      throw new ConnectionError('noport', `cannot connect to ${host}: ${port} is not a port (1 to 65535)`);
    return netConnect({
      host,
      port,
      noDelay: options.noDelay ?? true,
      // A name with several addresses: Node's own 250 ms per address gives up on any slow link.
      autoSelectFamilyAttemptTimeout: 1000,
      ...(options.keepAlive === undefined ? {} : { keepAlive: true, keepAliveInitialDelay: options.keepAlive }),
      ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
    });
  };
  const ready = (socket: Socket) => {
    if (!isSelfConnected(socket)) return socket;
    throw new ConnectionError('econnrefused', `cannot connect to ${where}: ${nobodyThere}`);
  };
  return untilConnected('connect', signal, where, make, (error) => connectError(endpoint, error), ready);
}

/** @internal What TLS runs on, too. The sockets are paused. */
export async function listenForSockets(
  options: Omit<ListenOptions, 'onConnection'>,
  tcpOptions: TcpOptions,
  onSocket: (socket: Socket) => void,
): Promise<Listener> {
  const { host, port } = options;
  const { min, max } = typeof port === 'number' ? { min: port, max: port } : port;
  if (!isPort(min) || !isPort(max) || min > max)
    throw new ConnectionError(
      'noport',
      `cannot listen on ${host}: ${min}..${max} is not a port (0 to 65535) or a range`,
    );
  for (let candidate = min; ; candidate++) {
    const server = createServer({
      // What arrives before start() stays in the kernel, where it costs the peer and not us.
      pauseOnConnect: true,
      noDelay: tcpOptions.noDelay ?? true,
      ...(tcpOptions.keepAlive === undefined ? {} : { keepAlive: true, keepAliveInitialDelay: tcpOptions.keepAlive }),
    });
    const error = await open(server, host, candidate, tcpOptions.backlog ?? 128);
    if (error === undefined) return listener(server, options, onSocket);
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || candidate >= max)
      throw listenError(host, port, error);
  }
}

/** Resolves with the error, if there was one. */
function open(server: Server, host: string, port: number, backlog: number): Promise<Error | undefined> {
  return new Promise((resolve) => {
    const onError = (error: Error) => resolve(error);
    server.once('error', onError);
    server.listen({ host, port, backlog }, () => {
      server.off('error', onError);
      resolve(undefined);
    });
  });
}

function listener(
  server: Server,
  { onError }: Pick<ListenOptions, 'onError'>,
  onSocket: (socket: Socket) => void,
): Listener {
  const address = server.address();
  const { address: host, port } =
    typeof address === 'object' && address !== null ? address : { address: 'unknown', port: 0 };
  server.on('error', (error: Error) =>
    onError(new ConnectionError('noconnection', `the listener on ${hostAndPort(host, port)} failed`, { cause: error })),
  );
  server.on('connection', onSocket);
  return {
    host,
    port,
    close: () =>
      new Promise((resolve) => {
        // server.close() frees the port at once but calls back only when the last accepted connection has ended too.
        server.close();
        setImmediate(resolve);
      }),
  };
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 0 && port <= 65_535;
}

/**
 * Nothing listens, and the system took that very port for our end: the socket talks to itself. It happens where nodes
 * of one machine reconnect to a neighbour that has gone, whose port was one of those the system hands out.
 */
function isSelfConnected({ localAddress, localPort, remoteAddress, remotePort }: Socket): boolean {
  return localPort === remotePort && localAddress === remoteAddress;
}

const nobodyThere = 'nothing listens there; the node may be down and its entry in EPMD stale';

/** The system's word, ours, and what it usually means. */
const connectCauses: Readonly<Record<string, readonly [ConnectionErrorCode, string]>> = {
  ECONNREFUSED: ['econnrefused', nobodyThere],
  ENOTFOUND: ['unknown_host', 'no such host; check the part of the node name after the @'],
  EAI_AGAIN: ['unknown_host', 'the name server does not answer'],
  ETIMEDOUT: ['timeout', 'no answer; a firewall may swallow the packets'],
  EHOSTUNREACH: ['noconnection', 'no route to the host'],
  ENETUNREACH: ['noconnection', 'no route to the network'],
  EADDRNOTAVAIL: ['noconnection', 'the local address to start from is not one of this machine'],
};

function connectError({ host, port }: Endpoint, error?: Error): ConnectionError {
  // With several addresses the error is an AggregateError that carries the code of the first attempt.
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? 'closed';
  const [ours, why] = connectCauses[code] ?? ['noconnection', 'see the cause'];
  return new ConnectionError(ours, `cannot connect to ${hostAndPort(host, port)}: ${why} (${code})`, { cause: error });
}

const listenCauses: Readonly<Record<string, readonly [ConnectionErrorCode, string]>> = {
  EADDRINUSE: [
    'address_in_use',
    'already taken; give the node another port, a range { min, max }, or 0 for any free one',
  ],
  EACCES: ['eacces', 'not permitted; ports below 1024 need privileges'],
  EADDRNOTAVAIL: ['eaddrnotavail', 'this machine has no such address'],
  ENOTFOUND: ['unknown_host', 'no such host'],
  EAI_AGAIN: ['unknown_host', 'the name server does not answer'],
};

function listenError(host: string, port: ListenOptions['port'], error: Error): ConnectionError {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const [ours, why] = listenCauses[code] ?? ['noconnection', 'see the cause'];
  const where = typeof port === 'number' ? hostAndPort(host, port) : `${host}, ports ${port.min} to ${port.max}`;
  return new ConnectionError(ours, `cannot listen on ${where}: ${why} (${code})`, { cause: error });
}
