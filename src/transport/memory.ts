// A network inside this process, for tests: no descriptors, no ports of the machine, and control over how the bytes are
// cut. Delivery is asynchronous and ordered, and a paused reader holds its writer's bytes back, as on a socket.
import { Buffer } from 'node:buffer';
import { checkIsOptions, type OptionNames } from '../arguments.js';
import { ArgumentError, ConnectionError } from '../errors.js';
import { abortError } from './abort.js';
import type { ByteStream, ByteStreamSink, Endpoint, Listener, ListenOptions, Transport } from './transport.js';

export interface MemoryOptions {
  /**
   * At most this many bytes per `onData`: `1` delivers byte by byte; a function is asked before each piece. Default:
   * all that is there at once, whatever the writes were, as TCP tends to. Whatever the function answers, one byte is
   * the least.
   */
  readonly chunkSize?: number | (() => number);
  /** See {@link Transport.handshakeLengthBytes}; default 2. */
  readonly handshakeLengthBytes?: 2 | 4;
}

const OPTIONS: OptionNames<MemoryOptions> = { chunkSize: true, handshakeLengthBytes: true };

const firstFreePort = 49_152;
const lastPort = 65_535;

/**
 * A network of its own: only nodes that were given the same instance reach each other, by port. Every host name is
 * this machine, except those under `.invalid`, which do not exist (RFC 6761).
 *
 * @throws ArgumentError `badarg` for options that are none.
 */
export function memory(options: MemoryOptions = {}): Transport {
  checkIsOptions('memory', options, OPTIONS);
  const { handshakeLengthBytes = 2 } = options;
  if (handshakeLengthBytes !== 2 && handshakeLengthBytes !== 4)
    throw new ArgumentError('badarg', 'memory: expected handshakeLengthBytes to be 2 or 4');
  const listeners = new Map<number, ListenOptions>();
  const nextSize = sizeSource(options.chunkSize);
  let nextPort = firstFreePort;

  function freePort(): number {
    for (let tries = firstFreePort; tries <= lastPort; tries++) {
      const port = nextPort;
      nextPort = nextPort === lastPort ? firstFreePort : nextPort + 1;
      if (!listeners.has(port)) return port;
    }
    throw new ConnectionError('address_in_use', 'no free port is left in this memory network');
  }

  function listen(listenOptions: ListenOptions): Listener {
    const { host, port: wish } = listenOptions;
    const { min, max } = typeof wish === 'number' ? { min: wish, max: wish } : wish;
    let port = min === 0 ? freePort() : min;
    while (listeners.has(port) && port < max) port++;
    if (listeners.has(port))
      throw new ConnectionError(
        'address_in_use',
        `cannot listen on memory ${host}, ports ${min} to ${max}: already taken; give the node another port or a range`,
      );
    listeners.set(port, listenOptions);
    return {
      host,
      port,
      close: () => {
        if (listeners.get(port) === listenOptions) listeners.delete(port);
        return Promise.resolve();
      },
    };
  }

  function connect({ host, port }: Endpoint, signal: AbortSignal): Promise<ByteStream> {
    return new Promise((resolve, reject) => {
      const fail = (code: 'unknown_host' | 'econnrefused', why: string) =>
        reject(new ConnectionError(code, `cannot connect to memory ${host}:${port}: ${why}`));
      // As late as on a real network: never before the caller has its promise.
      setImmediate(() => {
        if (signal.aborted) {
          reject(abortError(signal, `memory ${host}:${port}`));
          return;
        }
        const listener = listeners.get(port);
        if (host.endsWith('.invalid')) fail('unknown_host', 'no such host');
        else if (listener === undefined) fail('econnrefused', 'nothing listens there');
        else {
          const ours = new MemoryStream(`${host}:${port}`, nextSize);
          const theirs = new MemoryStream(`${host}:${freePort()}`, nextSize);
          MemoryStream.join(ours, theirs);
          listener.onConnection(theirs);
          resolve(ours);
        }
      });
    });
  }

  return {
    name: 'memory',
    handshakeLengthBytes,
    connect: (endpoint, { signal }) => connect(endpoint, signal),
    listen: async (listenOptions) => listen(listenOptions),
  };
}

function sizeSource(chunkSize: MemoryOptions['chunkSize']): () => number {
  if (chunkSize === undefined) return () => Number.POSITIVE_INFINITY;
  // Not Math.max: it makes NaN of NaN, and pieces of no bytes for ever.
  if (typeof chunkSize === 'function') {
    return () => {
      const size = chunkSize();
      return size >= 1 ? size : 1;
    };
  }
  if (typeof chunkSize === 'number' && chunkSize >= 1) return () => chunkSize;
  throw new ArgumentError('badarg', 'memory: expected chunkSize to be a number of bytes above 0, or a function');
}

class MemoryStream implements ByteStream {
  readonly remote: string;
  /** The other end; itself until the two are joined. */
  #peer: MemoryStream = this;
  readonly #nextSize: () => number;
  #sink: ByteStreamSink | undefined;
  #started = false;
  #paused = false;
  /** Bytes on their way to this end. */
  #inbox: Buffer[] = [];
  #inboxBytes = 0;
  /** Nothing follows the inbox: the other end closed. */
  #inboxEnds = false;
  #turnScheduled = false;
  #drainAwaited = false;
  /** The owner of this end ended or destroyed it. */
  #finished = false;
  #closed = false;
  #failure: Error | undefined;

  constructor(remote: string, nextSize: () => number) {
    this.remote = remote;
    this.#nextSize = nextSize;
  }

  static join(a: MemoryStream, b: MemoryStream): void {
    a.#peer = b;
    b.#peer = a;
  }

  get bufferedBytes(): number {
    return this.#closed ? 0 : this.#peer.#inboxBytes;
  }

  start(sink: ByteStreamSink): void {
    if (this.#started) return;
    this.#started = true;
    this.#sink = sink;
    this.#schedule();
  }

  write(chunks: readonly Uint8Array[]): void {
    const peer = this.#peer;
    if (this.#finished || this.#closed || peer.#finished) return;
    for (const chunk of chunks) {
      if (chunk.length === 0) continue;
      // A copy: the bytes become the receiver's, and the writer may use its buffer again.
      peer.#inbox.push(Buffer.from(chunk));
      peer.#inboxBytes += chunk.length;
      this.#drainAwaited = true;
    }
    peer.#schedule();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#schedule();
  }

  end(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#dropInbox();
    this.#schedule();
  }

  destroy(error?: Error): void {
    if (this.#closed) return;
    this.#finished = true;
    this.#failure ??= error;
    this.#peer.#dropInbox();
    this.#close();
    this.#schedule();
  }

  ref(): void {}

  unref(): void {}

  #schedule(): void {
    if (this.#turnScheduled) return;
    this.#turnScheduled = true;
    setImmediate(() => {
      this.#turnScheduled = false;
      this.#turn();
    });
  }

  #turn(): void {
    this.#deliver();
    this.#tellDrained();
    if (this.#finished && this.#peer.#inboxBytes === 0) this.#close();
    // A paused or unstarted reader has not come to the end yet, however empty its inbox is.
    const reading = this.#started && !this.#paused;
    if (this.#inboxEnds && this.#inboxBytes === 0 && (reading || this.#finished)) this.#close();
    if (this.#closed) this.#tellClosed();
  }

  #deliver(): void {
    // What arrives while this runs waits for the next turn.
    let budget = this.#inboxBytes;
    if (budget === 0) return;
    while (budget > 0 && this.#sink !== undefined && !this.#paused && !this.#finished && !this.#closed) {
      const piece = this.#take(Math.min(budget, this.#nextSize()));
      budget -= piece.length;
      this.#sink.onData(piece);
    }
    if (this.#inboxBytes === 0) this.#peer.#schedule();
  }

  #take(size: number): Buffer {
    const all = this.#inbox.length === 1 ? (this.#inbox[0] as Buffer) : Buffer.concat(this.#inbox);
    const piece = all.subarray(0, size);
    this.#inbox = piece.length < all.length ? [all.subarray(size)] : [];
    this.#inboxBytes -= piece.length;
    return piece;
  }

  #tellDrained(): void {
    if (!this.#drainAwaited || this.#finished || this.#closed || this.#peer.#inboxBytes > 0) return;
    this.#drainAwaited = false;
    this.#sink?.onDrain();
  }

  #dropInbox(): void {
    this.#inbox = [];
    this.#inboxBytes = 0;
    this.#peer.#schedule();
  }

  /** This end is closed for good; the other one comes to the end of its inbox. */
  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#finished = true;
    this.#dropInbox();
    this.#peer.#inboxEnds = true;
    this.#peer.#schedule();
  }

  #tellClosed(): void {
    const sink = this.#sink;
    if (sink === undefined) return;
    this.#sink = undefined;
    if (this.#failure === undefined) sink.onClose();
    else sink.onClose(this.#failure);
  }
}
