// An EPMD for this process to serve, good enough to take the daemon's place. Protocol sections 1.3 to 1.6.
// It is as open as its sockets and no more: it never blocks, never ends the process, and bounds what strangers hold.
import { type AddressInfo, createServer, isIP, isIPv6, type Server, type Socket } from 'node:net';
import { checkIsOptions, type OptionNames } from '../../arguments.js';
import { ArgumentError, ConnectionError } from '../../errors.js';
import { type Environment, epmdAddresses, epmdPort, relaxedCommandCheck } from './environment.js';
import { encodeNamesResponse, type RegisteredName } from './messages.js';
import { Registry } from './registry.js';
import { Session, type SessionHost } from './session.js';

export interface EpmdServerOptions {
  /** Default: `ERL_EPMD_PORT`, else 4369. 0 takes any free port. */
  readonly port?: number;
  /**
   * IP addresses to listen on; loopback is always added. Default: `ERL_EPMD_ADDRESS`, else loopback only (the daemon
   * listens everywhere). `['0.0.0.0', '::']` is everywhere. A string may hold several, with commas or spaces.
   */
  readonly address?: string | readonly string[];
  /** Obey KILL while names are registered, and STOP. Default: whether `ERL_EPMD_RELAXED_COMMAND_CHECK` is set. */
  readonly relaxedCommandCheck?: boolean;
  /** Seconds a connection that is no registration may live, however busy it looks. Default: 60. */
  readonly packetTimeout?: number;
  /** Seconds before an accepted connection is read, to play a busy daemon. Default: 0. */
  readonly delayAccept?: number;
  /** Seconds before an answer is sent. Default: 0. */
  readonly delayWrite?: number;
  /** Names that may be registered at once. Default: 10,000. */
  readonly maxNames?: number;
  /** Connections that are no registrations; beyond it the oldest is closed. Default: 2,048. */
  readonly maxConnections?: number;
  /**
   * Told, for a log, about every connection that is closed without an answer and every registration that is refused.
   * Must not throw. `why` holds no raw bytes of the peer.
   */
  readonly onRefused?: (refusal: { readonly remote: string; readonly why: string }) => void;
  /** Default: `process.env`. */
  readonly env?: Environment;
}

/** @internal Those of an embedded server, too. */
export const SERVER_OPTIONS: OptionNames<EpmdServerOptions> = {
  port: true,
  address: true,
  relaxedCommandCheck: true,
  packetTimeout: true,
  delayAccept: true,
  delayWrite: true,
  maxNames: true,
  maxConnections: true,
  onRefused: true,
  env: true,
};

export interface EpmdServer {
  readonly port: number;
  /** The addresses it listens on. */
  readonly addresses: readonly string[];
  /** Registered names, newest first. */
  names(): readonly RegisteredName[];
  /** Settles when the server has ended: by {@link EpmdServer.close}, or `'killed'` by a KILL_REQ. */
  readonly ended: Promise<'closed' | 'killed'>;
  /** Ends every connection, registrations too, and frees the port. */
  close(): Promise<void>;
  /** Lets the process end although the server runs. */
  unref(): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Serves EPMD in this process. KILL_REQ ends the server and never the process.
 *
 * @throws ConnectionError `address_in_use` when something listens there; ArgumentError for a port or an address that
 * is none.
 */
export async function epmdServer(options: EpmdServerOptions = {}): Promise<EpmdServer> {
  checkIsOptions('epmdServer', options, SERVER_OPTIONS);
  const environment = options.env ?? process.env;
  const port = epmdPort(options.port, environment, 0);
  const addresses = listenAddresses(epmdAddresses(options.address, environment));
  const listeners = await listenOn(addresses, port);
  return new RunningServer(listeners, options, relaxedCommandCheck(options.relaxedCommandCheck, environment));
}

/** One accepted socket; as an owner in the registry it stands for the name it registered. */
interface Connection {
  readonly socket: Socket;
  readonly session: Session<Connection>;
  /** Its last answer is on its way. */
  answered: boolean;
  /** Until it is a registration. */
  deadline: NodeJS.Timeout | undefined;
}

class RunningServer implements EpmdServer {
  readonly port: number;
  readonly addresses: readonly string[];
  readonly ended: Promise<'closed' | 'killed'>;
  readonly #options: EpmdServerOptions;
  readonly #listeners: readonly Server[];
  readonly #registry: Registry<Connection>;
  readonly #host: SessionHost<Connection>;
  readonly #connections = new Set<Connection>();
  /** Those that are no registrations, oldest first. */
  readonly #strangers = new Set<Connection>();
  #namesAnswer: { readonly bytes: Buffer; readonly changes: number } | undefined;
  #referenced = true;
  #closing: Promise<void> | undefined;
  #settle: (how: 'closed' | 'killed') => void = () => {};

  constructor(listeners: readonly Server[], options: EpmdServerOptions, relaxed: boolean) {
    this.#listeners = listeners;
    this.#options = options;
    this.addresses = listeners.map((listener) => addressOf(listener).address);
    this.port = listeners[0] === undefined ? 0 : addressOf(listeners[0]).port;
    const registry = new Registry<Connection>({
      now: () => Date.now() / 1000,
      maxNames: options.maxNames ?? 10_000,
    });
    this.#registry = registry;
    this.#host = {
      registry,
      port: this.port,
      relaxed,
      names: () => this.#answerNames(),
      drop: (connection) => connection.socket.destroy(),
    };
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
    for (const listener of listeners) {
      listener.on('connection', (socket) => this.#accept(socket));
      // Accepting fails while the process has no descriptors left; the listener lives on.
      listener.on('error', () => {});
    }
  }

  names(): readonly RegisteredName[] {
    return this.#registry.active().map(({ name, port }) => ({ name, port }));
  }

  close(): Promise<void> {
    return this.#end('closed');
  }

  unref(): void {
    this.#referenced = false;
    for (const listener of this.#listeners) listener.unref();
    for (const { socket } of this.#connections) socket.unref();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #end(how: 'closed' | 'killed'): Promise<void> {
    this.#closing ??= (async () => {
      const closed = this.#listeners.map((listener) => new Promise((resolve) => listener.close(resolve)));
      for (const { socket } of this.#connections) socket.destroy();
      await Promise.all(closed);
      this.#settle(how);
    })();
    return this.#closing;
  }

  /** One buffer for all who ask: a crowd that asks and does not read holds it once. */
  #answerNames(): Buffer {
    const { changes } = this.#registry;
    if (this.#namesAnswer?.changes !== changes)
      this.#namesAnswer = { bytes: encodeNamesResponse(this.port, this.#registry.active()), changes };
    return this.#namesAnswer.bytes;
  }

  #accept(socket: Socket): void {
    const packetTimeout = this.#options.packetTimeout ?? 60;
    const deadline = setTimeout(() => {
      this.#refused(socket, `no whole request within ${packetTimeout} s`);
      socket.destroy();
    }, packetTimeout * 1000).unref();
    const connection: Connection = {
      socket,
      session: new Session<Connection>(this.#host, () => connection, isLocal(socket)),
      answered: false,
      deadline,
    };
    this.#connections.add(connection);
    this.#strangers.add(connection);
    if (!this.#referenced) socket.unref();
    socket.on('error', () => {}); // 'close' follows
    socket.on('close', () => {
      clearTimeout(connection.deadline);
      this.#connections.delete(connection);
      this.#strangers.delete(connection);
      connection.session.closed();
    });
    // The peer has said its last word: nothing is left of a registration, or of half a request.
    socket.on('end', () => {
      if (!connection.answered) socket.destroy();
    });
    later(this.#options.delayAccept, () => socket.on('data', (chunk) => this.#receive(connection, chunk)));
    if (this.#strangers.size > (this.#options.maxConnections ?? 2048)) {
      const [oldest] = this.#strangers;
      if (oldest === undefined) return;
      this.#refused(oldest.socket, 'more connections than maxConnections, and this one was the oldest');
      oldest.socket.destroy();
      this.#strangers.delete(oldest);
    }
  }

  #refused(socket: Socket, why: string): void {
    this.#options.onRefused?.({ remote: `${socket.remoteAddress}:${socket.remotePort}`, why });
  }

  #receive(connection: Connection, chunk: Buffer): void {
    if (connection.answered) return;
    const reaction = connection.session.receive(chunk);
    const { socket } = connection;
    if ('why' in reaction && reaction.why !== undefined) this.#refused(socket, reaction.why);
    switch (reaction.next) {
      case 'wait':
        return;
      case 'registered':
        clearTimeout(connection.deadline);
        this.#strangers.delete(connection);
        later(this.#options.delayWrite, () => socket.write(reaction.reply));
        return;
      case 'refused':
        later(this.#options.delayWrite, () => socket.write(reaction.reply));
        return;
      case 'kill':
        socket.once('close', () => void this.#end('killed'));
        this.#finish(connection, reaction.reply);
        return;
      case 'close':
        this.#finish(connection, reaction.reply);
        return;
    }
  }

  #finish(connection: Connection, reply: Buffer | undefined): void {
    connection.answered = true;
    const { socket } = connection;
    if (reply === undefined) socket.destroy();
    else
      later(this.#options.delayWrite, () => {
        socket.write(reply);
        socket.destroySoon();
      });
  }
}

/** Runs it in this turn unless a delay was asked for. */
function later(seconds: number | undefined, action: () => void): void {
  if (seconds === undefined || seconds <= 0) action();
  else setTimeout(action, seconds * 1000).unref();
}

/** The daemon's rule: loopback, or the address of this machine that was connected to. */
function isLocal(socket: Socket): boolean {
  const remote = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  const local = (socket.localAddress ?? '').replace(/^::ffff:/, '');
  return remote === '::1' || /^127\./.test(remote) || (remote !== '' && remote === local);
}

interface ListenAddress {
  readonly address: string;
  /** Loopback that nobody asked for may be missing on this machine. */
  readonly required: boolean;
}

function listenAddresses(asked: readonly string[]): ListenAddress[] {
  const wrong = asked.find((address) => isIP(address) === 0);
  if (wrong !== undefined)
    throw new ArgumentError('badarg', `expected IP addresses for EPMD to listen on, got ${JSON.stringify(wrong)}`);
  const addresses = [...new Set(asked)].map((address) => ({ address, required: true }));
  const covers = (address: string, everywhere: string) => asked.includes(address) || asked.includes(everywhere);
  if (!covers('::1', '::')) addresses.unshift({ address: '::1', required: false });
  // First, so that of two processes that race for the port the one that loses does so here.
  if (!covers('127.0.0.1', '0.0.0.0')) addresses.unshift({ address: '127.0.0.1', required: false });
  return addresses;
}

/** How often port 0 may give a port that is taken on another of the addresses. */
const ATTEMPTS_AT_ANY_PORT = 10;

async function listenOn(addresses: readonly ListenAddress[], port: number): Promise<Server[]> {
  for (let attempt = 1; ; attempt++) {
    const listeners: Server[] = [];
    try {
      let reason: unknown;
      for (const { address, required } of addresses) {
        const at = listeners[0] === undefined ? port : addressOf(listeners[0]).port;
        try {
          listeners.push(await listen(address, at));
        } catch (error) {
          const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
          if (required || (taken && (listeners.length === 0 || port === 0))) throw error;
          reason = error;
        }
      }
      if (listeners.length === 0) throw reason;
      return listeners;
    } catch (error) {
      await Promise.all(listeners.map((listener) => new Promise((resolve) => listener.close(resolve))));
      const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (taken && port === 0 && attempt < ATTEMPTS_AT_ANY_PORT) continue;
      const tried = addresses.map(({ address }) => address).join(', ');
      throw new ConnectionError(
        'address_in_use',
        `cannot serve EPMD on port ${port} of ${tried}: ${(error as Error).message}` +
          (taken ? ' (an epmd or another program listens there already)' : ''),
        { cause: error },
      );
    }
  }
}

function listen(host: string, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const listener = createServer({ allowHalfOpen: true });
    listener.once('error', reject);
    listener.listen({ host, port, ipv6Only: isIPv6(host), backlog: 1024 }, () => {
      listener.off('error', reject);
      resolve(listener);
    });
  });
}

function addressOf(listener: Server): AddressInfo {
  return listener.address() as AddressInfo;
}
