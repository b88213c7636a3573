// A ByteStream over any of Node's sockets (TCP, TLS, Unix). Nothing is read before start(); after end() or destroy() no
// byte comes out; onClose comes exactly once. A peer that sends FIN is gone, as for a BEAM: there are no half-open streams.
import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { ConnectionError } from '../errors.js';
import type { ByteStream, ByteStreamSink } from './transport.js';

/** Chunks smaller than this on average are cheaper to copy together than to hand over one by one (measured). */
const joinBelow = 512;

/**
 * Bytes that one socket may give before the others are looked at. Left to itself, a socket that always has more gives two
 * megabytes, and with four of those everybody else waits for 40 ms (measured).
 */
const FAIR_BYTES = 256 * 1024;
/**
 * Turns for which a socket is considerate after another one was read from. Alone, it keeps its turn: to stop and start
 * costs a quarter of the throughput of large messages (measured).
 */
const CONSIDERATE_TURNS = 16;

// The sockets of one thread share its event loop: the one that was read from last, and how often that was another one.
let lastRead: SocketStream | undefined;
let changes = 0;

/** `127.0.0.1:4370`, `[::1]:4370`; IPv4 that came through an IPv6 socket is shown as IPv4. */
export function hostAndPort(host: string | undefined, port: number | undefined): string {
  if (host === undefined || port === undefined) return 'unknown';
  const plain = host.startsWith('::ffff:') && host.includes('.') ? host.slice(7) : host;
  return plain.includes(':') ? `[${plain}]:${port}` : `${plain}:${port}`;
}

export interface SocketStreamOptions {
  /** The other end for log lines, where the socket itself cannot tell (Unix sockets). */
  readonly remote?: string;
  /** What an error of the socket is called; undefined: what it is called on TCP. */
  name?(error: Error): ConnectionError | undefined;
}

/** Wraps a connected socket. From here on the socket belongs to the stream: nobody else may listen to it or write. */
export function socketStream(socket: Socket, options: SocketStreamOptions = {}): ByteStream {
  return new SocketStream(socket, options);
}

class SocketStream implements ByteStream {
  readonly remote: string;
  readonly #socket: Socket;
  #sink: ByteStreamSink | undefined;
  #paused = false;
  /** We ended or destroyed it: the owner wants to hear of nothing but the end. */
  #finished = false;
  #closed = false;
  #failure: Error | undefined;
  #drainAwaited = false;
  /** Bytes read since others had their turn. */
  #taken = 0;
  #changesSeen = 0;
  #considerate = 0;

  constructor(socket: Socket, options: SocketStreamOptions) {
    this.#socket = socket;
    this.remote = options.remote ?? hostAndPort(socket.remoteAddress, socket.remotePort);
    // Kept to the end: an error that comes after everything else must not become an uncaught exception.
    socket.on('error', (error: Error) => {
      // Whatever becomes of a connection that we have closed, we have closed it.
      if (!this.#finished) this.#failure ??= options.name?.(error) ?? this.#name(error);
    });
    socket.once('close', () => {
      this.#closed = true;
      if (lastRead === this) lastRead = undefined;
      if (this.#sink !== undefined) this.#tellClosed(this.#sink);
    });
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  start(sink: ByteStreamSink): void {
    if (this.#sink !== undefined) return;
    this.#sink = sink;
    if (this.#closed) {
      // As late as every other event: the owner is not called back from inside its own call.
      process.nextTick(() => this.#tellClosed(sink));
      return;
    }
    const socket = this.#socket;
    socket.on('data', (chunk: Buffer) => {
      if (this.#finished) return;
      if (lastRead !== this) {
        lastRead = this;
        changes++;
      }
      sink.onData(chunk);
      this.#taken += chunk.length;
      if (this.#taken >= FAIR_BYTES) this.#letOthersRead();
    });
    // Without this, Node would first send what is queued, at a peer that may never read it.
    socket.once('end', () => {
      if (!this.#finished) this.destroy();
    });
    if (this.#paused) socket.pause();
    else socket.resume();
  }

  write(chunks: readonly Uint8Array[]): void {
    const socket = this.#socket;
    if (this.#finished || !socket.writable || chunks.length === 0) return;
    if (chunks.length === 1) socket.write(chunks[0] as Uint8Array, this.#written);
    else if (areSmall(chunks)) socket.write(Buffer.concat(chunks), this.#written);
    else {
      socket.cork();
      const last = chunks.length - 1;
      for (let i = 0; i < last; i++) socket.write(chunks[i] as Uint8Array);
      socket.write(chunks[last] as Uint8Array, this.#written);
      socket.uncork();
    }
    this.#drainAwaited ||= socket.writableLength > 0;
  }

  /** Goes on with the next turn of the event loop, if there are others. */
  #letOthersRead(): void {
    this.#taken = 0;
    if (this.#changesSeen !== changes) this.#considerate = CONSIDERATE_TURNS;
    this.#changesSeen = changes;
    if (this.#considerate === 0 || this.#paused || this.#finished) return;
    this.#considerate--;
    this.#socket.pause();
    setImmediate(() => {
      if (!this.#paused && !this.#closed) this.#socket.resume();
    });
  }

  pause(): void {
    this.#paused = true;
    if (this.#sink !== undefined) this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#sink !== undefined && !this.#closed) this.#socket.resume();
  }

  end(): void {
    if (this.#finished) return;
    this.#finished = true;
    // Bytes that still come are read and dropped until the peer has closed, too: closing over unread bytes would reset
    // the connection, and the peer could lose what it is being sent. (TLS 1.3 sends tickets that nobody asked for.)
    this.#socket.resume();
    this.#socket.end();
  }

  destroy(error?: Error): void {
    if (this.#closed) return;
    this.#finished = true;
    if (error !== undefined) this.#failure ??= error;
    this.#socket.destroy();
  }

  ref(): void {
    this.#socket.ref();
  }

  unref(): void {
    this.#socket.unref();
  }

  readonly #written = (): void => {
    if (!this.#drainAwaited || this.#finished || this.#socket.writableLength > 0) return;
    this.#drainAwaited = false;
    this.#sink?.onDrain();
  };

  #tellClosed(sink: ByteStreamSink): void {
    this.#finished = true;
    if (this.#failure === undefined) sink.onClose();
    else sink.onClose(this.#failure);
  }

  #name(error: Error): Error {
    const { code } = error as NodeJS.ErrnoException;
    const what = code === 'ECONNRESET' || code === 'EPIPE' ? 'was reset by the peer' : 'failed';
    return new ConnectionError('connection_closed', `the connection to ${this.remote} ${what} (${code ?? 'no code'})`, {
      cause: error,
    });
  }
}

function areSmall(chunks: readonly Uint8Array[]): boolean {
  const most = chunks.length * joinBelow;
  let size = 0;
  for (const chunk of chunks) {
    size += chunk.length;
    if (size >= most) return false;
  }
  return true;
}
