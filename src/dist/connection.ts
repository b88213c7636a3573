// One connection after its handshake: bytes in, control messages out, and back (protocol sections 3 and 4).
// Pure: no socket, no clock. Whatever it throws on receive ends this connection and nothing else.
import type { Buffer } from 'node:buffer';
import { ArgumentError } from '../errors.js';
import { type DecodeOptions, Decoder } from '../etf/decode.js';
import { type EncodeOptions, Encoder } from '../etf/encode.js';
import type { ControlMessage } from './control.js';
import { ControlWriter } from './control-writer.js';
import { DFLAG, hasFlags } from './flags.js';
import { FrameReader } from './frame.js';
import { HeaderReader } from './header-reader.js';
import { HeaderWriter } from './header-writer.js';
import { CONNECTION_LIMITS, type ConnectionLimits } from './limits.js';
import type { PacketReader, PacketWriter } from './packet.js';
import { PassThroughReader, PassThroughWriter } from './pass-through.js';
import { Ticker } from './tick.js';

export interface ConnectionSink {
  /** Every message, in the order of arrival. */
  onControl(message: ControlMessage): void;
}

export interface ConnectionOptions {
  /** Our name. */
  readonly self: string;
  /** The peer's name. */
  readonly peer: string;
  /** The negotiated flags. */
  readonly flags: bigint;
  readonly terms?: DecodeOptions;
  readonly encoding?: EncodeOptions;
  readonly limits?: Partial<ConnectionLimits>;
  /** OTP's net_ticktime, seconds. Default 60. */
  readonly tickTime?: number;
  /** OTP's net_tickintensity: intervals per tick time. Default 4. */
  readonly tickIntensity?: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now: number;
  readonly sink: ConnectionSink;
}

export interface ConnectionStatistics {
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly messagesIn: number;
  readonly messagesOut: number;
  readonly ticksIn: number;
  readonly ticksOut: number;
  /** When the peer gave a sign of life last, in milliseconds of the clock that is passed in. */
  readonly lastHeard: number;
  /** Messages of the peer that are not complete yet. */
  readonly openFragments: number;
  /** Atoms that were sent as a reference into the peer's cache, and those that were put there. */
  readonly atomCacheHits: number;
  readonly atomCacheFills: number;
}

const TICK_TIME = 60;
const TICK_INTENSITY = 4;

/**
 * One connection after its handshake, as a machine without socket and clock. {@link Connection.receive} takes what the socket
 * gave and tells the sink whole messages; `send` makes packets, which {@link Connection.takeOutput} hands out to be written;
 * {@link Connection.tick} wants to be called every `tickInterval`. What these throw is why the connection ends.
 */
export class Connection {
  readonly #sink: ConnectionSink;
  readonly #frames: FrameReader;
  readonly #reader: PacketReader;
  readonly #writer: PacketWriter;
  readonly #control: ControlWriter;
  readonly #ticker: Ticker;
  #over = false;
  #lastTick: number;
  #sending = false;
  #bytesIn = 0;
  #bytesOut = 0;
  #messagesIn = 0;
  #messagesOut = 0;
  #ticksIn = 0;
  #ticksOut = 0;

  constructor(options: ConnectionOptions) {
    const { self, peer, flags, tickTime, tickIntensity, now } = options;
    const limits = { ...CONNECTION_LIMITS, ...options.limits };
    this.#sink = options.sink;
    this.#control = new ControlWriter(flags);
    const decoder = new Decoder(options.terms);
    const encoder = new Encoder(options.encoding, {
      smallIdentifiers: !hasFlags(flags, DFLAG.DFLAG_V4_NC),
      noRecords: !hasFlags(flags, DFLAG.DFLAG_NATIVE_RECORDS),
    });
    const atomCache = hasFlags(flags, DFLAG.DFLAG_DIST_HDR_ATOM_CACHE);
    const fragments = hasFlags(flags, DFLAG.DFLAG_FRAGMENTS);
    if (atomCache || fragments) {
      const format = { atomCache, fragments };
      this.#reader = new HeaderReader(decoder, self, peer, format, limits);
      this.#writer = new HeaderWriter(encoder, this.#control, format);
    } else {
      this.#reader = new PassThroughReader(decoder, self, peer);
      this.#writer = new PassThroughWriter(encoder, this.#control);
    }
    const reader = this.#reader;
    this.#frames = new FrameReader(4, limits.frameBytes, (chunk, start) => reader.takesPieces(chunk, start));
    this.#lastTick = now;
    this.#ticker = new Ticker(tickTime ?? TICK_TIME, tickIntensity ?? TICK_INTENSITY, now);
  }

  /** Milliseconds after which {@link tick} wants to be called, again and again. */
  get tickInterval(): number {
    return this.#ticker.interval;
  }

  /**
   * Feeds what the socket gave; messages go to the sink. Do not write to `chunk` afterwards: binaries may be views of it.
   *
   * @throws ProtocolError, LimitError: the reason why this connection ends; further input is ignored from then on.
   */
  receive(chunk: Buffer, now: number): void {
    if (this.#over) return;
    this.#ticker.heard(now);
    this.#bytesIn += chunk.length;
    try {
      this.#frames.push(chunk);
      // The sink may close the connection on a message.
      while (!this.#over) {
        const frames = this.#frames;
        if (!frames.advance()) return;
        if (frames.start === frames.end) {
          this.#ticksIn++;
          continue;
        }
        const { pieces } = frames;
        const message =
          pieces === undefined
            ? this.#reader.read(frames.bytes, frames.start, frames.end)
            : this.#reader.readPieces(pieces);
        if (message === undefined) continue;
        this.#messagesIn++;
        this.#sink.onControl(message);
      }
    } catch (error) {
      this.#over = true;
      throw error;
    }
  }

  /** No more messages to the sink, not even those that have arrived. */
  close(): void {
    this.#over = true;
  }

  /**
   * Appends a message to the output. False: this peer did not announce what it takes to understand it; nothing was sent.
   *
   * @throws ArgumentError `not_encodable`, LimitError: nothing was sent, and the connection goes on.
   */
  send(message: ControlMessage): boolean {
    if (!this.#control.canSend(message)) return false;
    if (this.#sending) throw new ArgumentError('badarg', 'a term that is being encoded must not send messages itself');
    this.#sending = true;
    try {
      this.#writer.write(message);
    } finally {
      this.#sending = false;
    }
    this.#ticker.wrote();
    this.#messagesOut++;
    return true;
  }

  /**
   * The bytes to write now, in order; they are handed over and never touched again. With `atMost` large messages only give
   * what is missing to that many bytes, and keep the rest back: what is sent before the next call then overtakes them.
   */
  takeOutput(atMost: number = Number.POSITIVE_INFINITY): Buffer[] {
    const taken = this.#writer.take(atMost);
    for (const piece of taken) this.#bytesOut += piece.length;
    return taken;
  }

  /** Bytes that wait for {@link takeOutput}. */
  get outputBytes(): number {
    return this.#writer.bytes;
  }

  /**
   * Time goes by: may append a tick to the output. `unsentBytes`: what was taken but has not left this process.
   * `'net_tick_timeout'`: the peer is dead; destroy the socket.
   *
   * @throws LimitError `fragment_timeout`: the reason why this connection ends.
   */
  tick(now: number, unsentBytes: number): 'alive' | 'net_tick_timeout' {
    // Time in which this process did not run does not count, as with ticks.
    const elapsed = Math.min(now - this.#lastTick, this.#ticker.interval * 1.5);
    this.#lastTick = now;
    try {
      this.#reader.pass(elapsed);
    } catch (error) {
      this.#over = true;
      throw error;
    }
    const verdict = this.#ticker.check(now, unsentBytes === 0 && this.#writer.bytes === 0);
    if (verdict === 'dead') {
      this.#over = true;
      return 'net_tick_timeout';
    }
    if (verdict === 'send_tick') {
      this.#writer.tick();
      this.#ticksOut++;
    }
    return 'alive';
  }

  get statistics(): ConnectionStatistics {
    return {
      bytesIn: this.#bytesIn,
      bytesOut: this.#bytesOut,
      messagesIn: this.#messagesIn,
      messagesOut: this.#messagesOut,
      ticksIn: this.#ticksIn,
      ticksOut: this.#ticksOut,
      lastHeard: this.#ticker.lastHeard,
      openFragments: this.#reader.openFragments,
      atomCacheHits: this.#writer.cacheHits,
      atomCacheFills: this.#writer.cacheFills,
    };
  }
}
