// A ByteStream that is handed over before its carrier is ready: TLS shakes hands while the node's own deadline and its
// limit for strangers already count (promise 3). What the owner asks for meanwhile is kept and done in order.
import type { ByteStream, ByteStreamSink } from './transport.js';

/** The socket below: there from the beginning. */
interface Ground {
  destroy(): void;
  ref(): unknown;
  unref(): unknown;
}

export class DeferredStream implements ByteStream {
  readonly remote: string;
  readonly #ground: Ground;
  #inner: ByteStream | undefined;
  #sink: ByteStreamSink | undefined;
  #queue: (readonly Uint8Array[])[] = [];
  #queuedBytes = 0;
  #paused = false;
  /** The owner ended it or destroyed it. */
  #finished = false;
  #closed = false;
  #failure: Error | undefined;

  constructor(remote: string, ground: Ground) {
    this.remote = remote;
    this.#ground = ground;
  }

  /** The carrier is ready. */
  become(inner: ByteStream): void {
    if (this.#closed || this.#inner !== undefined) {
      inner.destroy();
      return;
    }
    this.#inner = inner;
    if (this.#paused) inner.pause();
    for (const chunks of this.#queue.splice(0)) inner.write(chunks);
    this.#queuedBytes = 0;
    if (this.#finished) inner.end();
    if (this.#sink !== undefined) inner.start(this.#sink);
  }

  /** Why the carrier will never be ready; the socket is closed. Only the first reason counts. */
  fail(error: Error): void {
    if (this.#inner !== undefined) return;
    // An owner that closed it itself is not told why it would have failed.
    if (!this.#finished) this.#failure ??= error;
    this.#ground.destroy();
  }

  /** The socket below has closed. */
  groundClosed(): void {
    if (this.#inner !== undefined || this.#closed) return;
    this.#closed = true;
    this.#queue = [];
    this.#queuedBytes = 0;
    if (this.#sink !== undefined) this.#tellClosed(this.#sink);
  }

  get bufferedBytes(): number {
    return this.#inner?.bufferedBytes ?? this.#queuedBytes;
  }

  objection(nodeHost: string): string | undefined {
    return this.#inner?.objection?.(nodeHost);
  }

  start(sink: ByteStreamSink): void {
    if (this.#sink !== undefined) return;
    this.#sink = sink;
    if (this.#inner !== undefined) this.#inner.start(sink);
    else if (this.#closed) process.nextTick(() => this.#tellClosed(sink));
  }

  write(chunks: readonly Uint8Array[]): void {
    if (this.#inner !== undefined) this.#inner.write(chunks);
    else if (!this.#finished && !this.#closed) {
      this.#queue.push(chunks);
      for (const { length } of chunks) this.#queuedBytes += length;
    }
  }

  pause(): void {
    this.#paused = true;
    this.#inner?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#inner?.resume();
  }

  end(): void {
    this.#finished = true;
    this.#inner?.end();
  }

  destroy(error?: Error): void {
    if (this.#inner !== undefined) {
      this.#inner.destroy(error);
      return;
    }
    if (this.#closed) return;
    this.#finished = true;
    if (error !== undefined) this.#failure ??= error;
    this.#ground.destroy();
  }

  ref(): void {
    if (this.#inner === undefined) this.#ground.ref();
    else this.#inner.ref();
  }

  unref(): void {
    if (this.#inner === undefined) this.#ground.unref();
    else this.#inner.unref();
  }

  #tellClosed(sink: ByteStreamSink): void {
    this.#finished = true;
    if (this.#failure === undefined) sink.onClose();
    else sink.onClose(this.#failure);
  }
}
