// What a connection needs of a packet format (protocol section 3.3): which one is used is decided once, by the flags.
import type { Buffer } from 'node:buffer';
import { DecodeError, ProtocolError } from '../errors.js';
import type { Decoder } from '../etf/decode.js';
import type { Atom } from '../term/atom.js';
import type { Term } from '../term/term.js';
import type { ControlMessage } from './control.js';

export interface PacketReader {
  /**
   * The message in a frame that is not a tick, `bytes` from `start` to `end`; undefined when it was a part of a message.
   *
   * @throws ProtocolError, LimitError
   */
  read(bytes: Buffer, start: number, end: number): ControlMessage | undefined;
  /** Whether a frame that begins at `start`, and ends in a later chunk, may be given to {@link readPieces}. */
  takesPieces(chunk: Buffer, start: number): boolean;
  /** The same as {@link read}, for a frame in pieces. */
  readPieces(pieces: readonly Buffer[]): ControlMessage | undefined;
  /** Messages of which only a part has come. */
  readonly openFragments: number;
  /** So many milliseconds have passed. @throws LimitError `fragment_timeout`: a message has been unfinished for too long. */
  pass(elapsed: number): void;
}

export interface PacketWriter {
  /** Appends one message, framed. When it throws, nothing was appended. @throws ArgumentError, LimitError */
  write(message: ControlMessage): void;
  tick(): void;
  /** Bytes that {@link take} would give. */
  readonly bytes: number;
  /** Atoms referred to in the peer's cache, and put there. */
  readonly cacheHits: number;
  readonly cacheFills: number;
  /** The bytes to write now; of large messages no more than what is needed to reach `atMost` bytes in all. */
  take(atMost: number): Buffer[];
}

/** @internal One term of a packet; what is wrong with it is this connection's end. */
export function decodePart(
  decoder: Decoder,
  bytes: Buffer,
  at: number,
  end: number,
  code: 'bad_control' | 'bad_payload',
  atoms?: readonly Atom[],
): Term {
  try {
    return decoder.term(bytes, at, atoms, end);
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    const what = code === 'bad_control' ? 'control message' : 'payload';
    throw new ProtocolError(code, `the peer sent a ${what} that cannot be decoded: ${cause.message}`, { cause });
  }
}

/** @internal For error messages about frames of an unknown kind. */
export function firstBytes(bytes: Buffer, start: number, end: number): string {
  return end - start < 2 ? `1 byte: ${bytes[start]}` : `${bytes[start]}, ${bytes[start + 1]}`;
}
