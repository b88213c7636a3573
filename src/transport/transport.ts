// What carries the distribution protocol (OTP: the carrier): a reliable, ordered stream of bytes, and nothing more.
// A transport never frames, never retries, never looks inside.

/** Where a node listens. `host` is an address or a name that the transport resolves; `nodeHost` is for TLS's SNI. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** The host part of the node's name, when it is known: what a TLS certificate must be for. */
  readonly nodeHost?: string;
}

/** What a {@link ByteStream} tells its owner. Exactly one `onClose`, after which nothing follows. */
export interface ByteStreamSink {
  /** The bytes are the receiver's to keep: a transport never writes into a chunk it has handed over. */
  onData(chunk: Buffer): void;
  /** Everything that was written has been handed to the operating system. */
  onDrain(): void;
  /** `error` is absent when the peer, or we, closed in good order. */
  onClose(error?: Error): void;
}

/** One connection: bytes in, bytes out. */
export interface ByteStream {
  /** The other end in words, for log lines: `127.0.0.1:4370`. */
  readonly remote: string;
  /** Bytes that were written here and not yet handed to the operating system. */
  readonly bufferedBytes: number;
  /** Bytes and closing are held back until this is called (once). */
  start(sink: ByteStreamSink): void;
  /** Queues the chunks in order, as one write to the operating system where possible. Ignored after closing. */
  write(chunks: readonly Uint8Array[]): void;
  pause(): void;
  resume(): void;
  /** Sends what is queued, then closes. */
  end(): void;
  /** Closes at once and forgets what is queued: a peer that is dead cannot hold us up. */
  destroy(error?: Error): void;
  /** Whether a waiting socket keeps the process alive. */
  ref(): void;
  unref(): void;
}

/** A listening socket. */
export interface Listener {
  /** Where others reach it. */
  readonly port: number;
  readonly host: string;
  /** Stops listening; connections that were accepted live on. */
  close(): Promise<void>;
}

export interface ListenOptions {
  /** Interface to listen on. */
  readonly host: string;
  /** A fixed port, `0` for any, or the first free one of a range (both ends included). */
  readonly port: number | { readonly min: number; readonly max: number };
  onConnection(stream: ByteStream): void;
  /** The listening socket failed after it was open. */
  onError(error: Error): void;
}

/** A way to open and accept byte streams: `tcp()`, `tls()`, `memory()`, or one of your own. */
export interface Transport {
  /** For log lines: `tcp`. */
  readonly name: string;
  /** Bytes of the length prefix during the handshake: 2, or 4 on TLS (protocol sections 2 and 7.1). */
  readonly handshakeLengthBytes: 2 | 4;
  /** @throws ConnectionError `econnrefused`, `unknown_host`, `timeout`, `aborted`. */
  connect(endpoint: Endpoint, options: { readonly signal: AbortSignal }): Promise<ByteStream>;
  /** @throws ConnectionError `address_in_use`. */
  listen(options: ListenOptions): Promise<Listener>;
}
