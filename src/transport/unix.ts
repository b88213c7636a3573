// Unix-domain sockets, between nodes of one host; OTP's example of it is erl_uds (protocol section 7.2).
// A node's socket is called after the node: finding the name is finding the node, and ports mean nothing.
import { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { type BigIntStats, linkSync, lstatSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { createServer, connect as netConnect, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { checkIsOptions, type OptionNames } from '../arguments.js';
import { ArgumentError, ConnectionError } from '../errors.js';
import { untilConnected } from './abort.js';
import { socketStream } from './socket-stream.js';
import type { ByteStream, Endpoint, Listener, ListenOptions, Transport } from './transport.js';

export interface UnixOptions {
  /** Where the sockets are. Whoever may write there may pose as a node: it is made for this user only if it is not there. */
  readonly directory: string;
}

/** What the system has room for; the smallest of those that Node runs on. */
const maxPath = 103;
/** Unix sockets have no ports; discoveries want one. */
const anyPort = 1;

/**
 * A carrier for nodes that share a folder. Any discovery that knows the nodes will do, `staticNodes({ port: 1 })` for
 * instance: of what it answers, only that it does is used.
 */
export function unix(options: UnixOptions): Transport {
  checkIsOptions('unix', options, { directory: true } satisfies OptionNames<UnixOptions>);
  const { directory } = options;
  if (typeof directory !== 'string' || directory === '')
    throw new ArgumentError('badarg', 'unix: expected the directory that the sockets are in');
  return {
    name: 'unix',
    handshakeLengthBytes: 2,
    connect: async (endpoint, { signal }) => connect(pathOf(directory, endpoint), signal),
    async listen(listenOptions) {
      try {
        makeFolder(directory);
      } catch (error) {
        throw listenError(directory, error as Error);
      }
      return listen(pathOf(directory, listenOptions), listenOptions);
    },
  };
}

/** Node's own `recursive` never ends where a folder cannot be made in one that is there, as in /proc. */
function makeFolder(path: string): void {
  const error = failureToMake(path);
  if (error === undefined) return;
  if (codeOf(error) !== 'ENOENT' || dirname(path) === path) throw error;
  makeFolder(dirname(path));
  const again = failureToMake(path);
  if (again !== undefined) throw again;
}

/** None if it is there: another node may have made it meanwhile, and `a/.` is there with `a`. */
function failureToMake(path: string): Error | undefined {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error as Error) !== 'EEXIST') return error as Error;
  }
  return undefined;
}

/** Characters that could leave the folder are written as `%2f`. */
function pathOf(directory: string, { node, host }: Pick<Endpoint, 'node' | 'host'>): string {
  const name = (node ?? host).replaceAll(/[^\w@.-]/g, (one) => `%${one.charCodeAt(0).toString(16)}`);
  const path = join(directory, name === '.' || name === '..' ? `%${name}` : name);
  if (Buffer.byteLength(path) <= maxPath) return path;
  throw new ArgumentError(
    'badarg',
    `unix: ${path} is too long for a socket (more than ${maxPath} bytes); choose a shorter directory`,
  );
}

function connect(path: string, signal: AbortSignal): Promise<ByteStream> {
  const make = () => netConnect({ path });
  const ready = (socket: Socket) => socketStream(socket, { remote: path });
  return untilConnected('connect', signal, path, make, (error) => connectError(path, error), ready);
}

async function listen(path: string, options: ListenOptions): Promise<Listener> {
  let opened = await open(path);
  if (opened instanceof Error && codeOf(opened) === 'EADDRINUSE' && (await removeStale(path)))
    opened = await open(path);
  if (opened instanceof Error) throw listenError(path, opened);
  const server = opened;
  server.on('error', (error: Error) =>
    options.onError(new ConnectionError('noconnection', `the listener on ${path} failed`, { cause: error })),
  );
  server.on('connection', (socket: Socket) => options.onConnection(socketStream(socket, { remote: path })));
  return {
    host: options.host,
    port: anyPort,
    close: () =>
      new Promise((resolve) => {
        server.close();
        setImmediate(resolve);
      }),
  };
}

/** The open server, or why it does not open. */
function open(path: string): Promise<Server | Error> {
  return new Promise((resolve) => {
    const server = createServer({ pauseOnConnect: true });
    server.once('error', resolve);
    server.listen({ path, backlog: 128 }, () => {
      server.off('error', resolve);
      resolve(server);
    });
  });
}

/**
 * What is left of a node that was killed looks like one that is there, but nobody answers. So does a file of somebody's.
 * Whoever else starts now may have found the same: what it has put there since must stay.
 */
async function removeStale(path: string): Promise<boolean> {
  const stale = found(path);
  if (stale === undefined) return true;
  if (!stale.isSocket() || (await answers(path))) return false;
  if (!isSame(found(path), stale)) return true;
  const aside = join(dirname(path), `%stale-${randomUUID()}`);
  try {
    renameSync(path, aside);
    // A name cannot be removed on the condition that it is still of the same file; it can be given back.
    if (!isSame(found(aside), stale)) linkSync(aside, path);
  } catch (error) {
    const code = codeOf(error as Error);
    if (code !== 'ENOENT' && code !== 'EEXIST') throw listenError(path, error as Error);
  }
  rmSync(aside, { force: true });
  return true;
}

function found(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false });
}

/** Numbers of files are given again at once; with the time it is another one. */
function isSame(one: BigIntStats | undefined, other: BigIntStats): boolean {
  return one?.ino === other.ino && one.dev === other.dev && one.mtimeNs === other.mtimeNs;
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = netConnect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => resolve(codeOf(error) !== 'ECONNREFUSED'));
  });
}

function connectError(path: string, error?: Error): ConnectionError {
  const code = codeOf(error);
  const nobody = code === 'ENOENT' || code === 'ECONNREFUSED';
  const why = nobody ? 'no node listens there; it may be down, or use another directory' : 'see the cause';
  return new ConnectionError(nobody ? 'econnrefused' : 'noconnection', `cannot connect to ${path}: ${why} (${code})`, {
    cause: error,
  });
}

const nodeThere = 'a node of this name is there already';
const fileThere = 'a file that is no socket is there';

function listenError(path: string, error: Error): ConnectionError {
  const code = codeOf(error);
  if (code === 'EADDRINUSE')
    return new ConnectionError(
      'address_in_use',
      `cannot listen on ${path}: ${found(path)?.isSocket() === false ? fileThere : nodeThere}`,
    );
  const word = code === 'EACCES' ? 'eacces' : 'eaddrnotavail';
  return new ConnectionError(word, `cannot listen on ${path} (${code})`, { cause: error });
}

function codeOf(error?: Error): string {
  return (error as NodeJS.ErrnoException | undefined)?.code ?? 'no code';
}
