// What carries the distribution protocol (OTP: the carrier): a reliable, ordered stream of bytes, and nothing more.
// A transport never frames, never retries, never looks inside. Every one passes the suite of src/testing/transport.ts.
import type { CarrierErrorCode } from '../errors.js';

/** Where a node listens. `host` is an address or a name that the transport resolves; `nodeHost` is for TLS's SNI. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** The host part of the node's name, when it is known: what a TLS certificate must be for. */
  readonly nodeHost?: string;
  /** The node's name, when it is known: what a Unix-domain socket is called. */
  readonly node?: string;
}

/**
 * What a {@link ByteStream} tells its owner: exactly one `onClose`, after which nothing follows, and nothing from within
 * a call of the owner's own.
 */
export interface ByteStreamSink {
  /** The bytes are the receiver's to keep: a transport never writes into a chunk it has handed over. */
  onData(chunk: Buffer): void;
  /** There were {@link ByteStream.bufferedBytes}, and now there are none. */
  onDrain(): void;
  /**
   * `error` is what `destroy` was given, or ConnectionError `connection_closed` with the cause, or one with a code of
   * {@link CarrierErrorCode} where the carrier itself found a fault; absent when the peer, or we, closed in good order. A peer that closes its half has closed: there are no half-open streams.
   */
  onClose(error?: Error): void;
}

/** One connection: bytes in, bytes out. */
export interface ByteStream {
  /** The other end in words, for log lines: `127.0.0.1:4370`. */
  readonly remote: string;
  /** Bytes that were written here and not yet handed to the operating system. */
  readonly bufferedBytes: number;
  /** Bytes and closing are held back until this is called; a second call does nothing. */
  start(sink: ByteStreamSink): void;
  /**
   * Queues the chunks in order, as one write to the operating system where possible. The chunks are not to be changed
   * afterwards. Ignored after `end`, `destroy` and closing.
   */
  write(chunks: readonly Uint8Array[]): void;
  /** No `onData` from now on: the peer's bytes stay where they cost the peer. Its closing may go unnoticed, too. */
  pause(): void;
  resume(): void;
  /** Sends what is queued, then closes. A peer that does not read delays that for ever: set a deadline, then `destroy`. */
  end(): void;
  /** Closes at once and forgets what is queued: a peer that is dead cannot hold us up. `error` goes to `onClose`. */
  destroy(error?: Error): void;
  /**
   * Why the other end cannot be a node of this host, as far as the carrier can tell: the TLS certificate it has shown is
   * for another one. Undefined: nothing speaks against it. Asked after the first bytes; absent where nothing is known.
   */
  objection?(nodeHost: string): string | undefined;
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
  /** Who listens; see {@link Endpoint.node}. */
  readonly node?: string;
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
  /** What it may mean that the other end, once reached, says nothing or closes: the end of a sentence in errors. */
  readonly silence?: string;
  /**
   * Rejects when the signal aborts: with its reason if that is a ConnectionError, with `timeout` if it is a
   * `TimeoutError`, else with `aborted`.
   *
   * @throws ConnectionError `econnrefused`, `unknown_host`, `noport`, `noconnection`, `timeout`, `aborted`, and what the
   * carrier itself can find wrong ({@link CarrierErrorCode}).
   */
  connect(endpoint: Endpoint, options: { readonly signal: AbortSignal }): Promise<ByteStream>;
  /** @throws ConnectionError `address_in_use`, `eaddrnotavail`, `eacces`, `unknown_host`, `noport`. */
  listen(options: ListenOptions): Promise<Listener>;
}
