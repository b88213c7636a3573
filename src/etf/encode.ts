// Terms to bytes (protocol section 5.2): the encoder of a connection's packets, and encode() for stand-alone terms.
// What goes out is OTP's canonical form, and nothing goes out that OTP would not take in.
import { Buffer } from 'node:buffer';
import { ArgumentError, LimitError } from '../errors.js';
import type { Atom } from '../term/atom.js';
import type { Term } from '../term/term.js';
import { writeAtom, writeOldAtom } from './atoms.js';
import { deflate } from './compressed.js';
import type { WriteAtom } from './identifiers.js';
import { type CodecLimits, resolveLimits } from './limits.js';
import { Sink } from './sink.js';
import { ATOM_CACHE_REF, COMPRESSED, VERSION_MAGIC } from './tags.js';
import { writeDeep } from './write-deep.js';
import type { Writer } from './write-leaf.js';

export interface EncodeOptions {
  /** zlib level 0 to 9, or `true` for 6; kept only when it makes the term smaller. Stand-alone terms only. */
  readonly compressed?: boolean | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9;
  /** OTP's meaning: 2 = all atoms in UTF-8 (default), 1 = Latin-1 where possible, 0 = floats as text, too. */
  readonly minorVersion?: 0 | 1 | 2;
  /** Map entries in OTP's map-key order instead of the order in which they stand. */
  readonly deterministic?: boolean;
  /** What the keys of plain objects become: atoms (default) or binaries. */
  readonly keys?: 'atom' | 'string';
  readonly limits?: CodecLimits;
}

/** The atom cache of a connection, as the encoder sees it. */
export interface AtomCacheWriter {
  /** The index (0 to 254) of the atom in this packet's header, or -1 to spell it out. */
  refer(atom: Atom): number;
}

/** Writes terms and bytes into one output after another. Reusable, also after an error. */
export class Encoder {
  /** When set, every atom is offered to it. */
  atomCache: AtomCacheWriter | undefined = undefined;

  readonly #writer: Writer;
  readonly #sink: Sink;
  readonly #deterministic: boolean;
  #pos = 0;

  constructor(options: EncodeOptions = {}) {
    const limits = resolveLimits(options.limits);
    const sink = new Sink(limits.encodedSize);
    const minorVersion = options.minorVersion ?? 2;
    const spell: WriteAtom = (atom, pos) => (minorVersion < 2 ? writeOldAtom : writeAtom)(sink, atom, pos);
    this.#sink = sink;
    this.#deterministic = options.deterministic === true;
    this.#writer = {
      sink,
      limits,
      textFloats: minorVersion === 0,
      stringKeys: options.keys === 'string',
      atom: (atom, pos) => {
        const index = this.atomCache === undefined ? -1 : this.atomCache.refer(atom);
        if (index < 0) return spell(atom, pos);
        pos = sink.room(pos, 2);
        sink.view.setUint8(pos, ATOM_CACHE_REF);
        sink.view.setUint8(pos + 1, index);
        return pos + 2;
      },
    };
  }

  /** Starts a new output; an unfinished one is dropped. */
  begin(): void {
    this.#pos = this.#sink.start;
  }

  byte(value: number): void {
    const pos = this.#sink.room(this.#pos, 1);
    this.#sink.view.setUint8(pos, value);
    this.#pos = pos + 1;
  }

  bytes(chunk: Uint8Array): void {
    const pos = this.#sink.room(this.#pos, chunk.length);
    this.#sink.buffer.set(chunk, pos);
    this.#pos = pos + chunk.length;
  }

  /**
   * One term, without the 131. After an error the output is what it was before.
   *
   * @throws ArgumentError `not_encodable` for what is no Erlang term, and where it stands; LimitError.
   */
  term(term: Term): void {
    const before = this.length;
    try {
      // Sorting keys looks into them, so they must be known to be terms, and finite, first.
      if (this.#deterministic) {
        writeDeep(this.#writer, term, this.#pos, false);
        this.#pos = this.#sink.start + before;
      }
      this.#pos = writeDeep(this.#writer, term, this.#pos, this.#deterministic);
      const { encodedSize } = this.#writer.limits;
      if (this.length > encodedSize) throw new LimitError('term_too_large', 'encoded bytes', encodedSize, this.length);
    } catch (error) {
      this.#pos = this.#sink.start + before;
      throw error;
    }
  }

  /** What was written since {@link begin}: stays valid and is never written to again. */
  finish(): Buffer {
    const output = this.#sink.cut(this.#pos);
    this.#pos = this.#sink.start;
    return output;
  }

  /** Bytes written since {@link begin}. */
  get length(): number {
    return this.#pos - this.#sink.start;
  }
}

/**
 * `term` as bytes, 131 first: `term_to_binary/2`.
 *
 * @throws ArgumentError `not_encodable` for what is no Erlang term, saying where it stands; LimitError over `limits`.
 */
export function encode(term: Term, options: EncodeOptions = {}): Buffer {
  const encoder = takeEncoder(options);
  try {
    encoder.begin();
    encoder.byte(VERSION_MAGIC);
    encoder.term(term);
    const plain = encoder.finish();
    const { compressed = false } = options;
    return compressed === false ? plain : compress(plain, compressed === true ? 6 : compressed);
  } finally {
    release(encoder);
  }
}

function compress(plain: Buffer, level: number): Buffer {
  if (!Number.isInteger(level) || level < 0 || level > 9) {
    throw new ArgumentError('badarg', `compressed is a boolean or a level of 0 to 9, not ${level}`);
  }
  const deflated = deflate(plain.subarray(1), level);
  const size = 6 + deflated.length;
  if (size >= plain.length) return plain;
  const output = Buffer.allocUnsafe(size);
  output.writeUInt8(VERSION_MAGIC, 0);
  output.writeUInt8(COMPRESSED, 1);
  output.writeUInt32BE(plain.length - 1, 2);
  output.set(deflated, 6);
  return output;
}

// Encoders are kept for the next call. One that is at work is not here: a getter of the caller's may call encode(), too.
const idle = new Map<number, Encoder>();
const kinds = new WeakMap<Encoder, number>();

function takeEncoder(options: EncodeOptions): Encoder {
  if (options.limits !== undefined) return new Encoder(options);
  const kind =
    (options.minorVersion ?? 2) | (options.deterministic === true ? 4 : 0) | (options.keys === 'string' ? 8 : 0);
  const known = idle.get(kind);
  if (known !== undefined) {
    idle.delete(kind);
    return known;
  }
  const made = new Encoder(options);
  kinds.set(made, kind);
  return made;
}

function release(encoder: Encoder): void {
  const kind = kinds.get(encoder);
  if (kind !== undefined) idle.set(kind, encoder);
}
