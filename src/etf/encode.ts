// Terms to bytes (protocol section 5.2): the encoder of a connection's packets, and encode() for stand-alone terms.
// What goes out is OTP's canonical form, and nothing goes out that OTP would not take in.
import { Buffer } from 'node:buffer';
import { ArgumentError, LimitError } from '../errors.js';
import type { Atom } from '../term/atom.js';
import type { Term } from '../term/term.js';
import { writeAtom, writeOldAtom } from './atoms.js';
import { ENCODERS, encodeKind } from './check-options.js';
import { deflate } from './compressed.js';
import { resolveLimits } from './limits.js';
import type { EncodeOptions } from './options.js';
import { isBytes, isSteady, type RawBuffer } from './raw-buffer.js';
import { type OlderReader, Sink } from './sink.js';
import { ATOM_CACHE_REF, COMPRESSED, VERSION_MAGIC } from './tags.js';
import { writeDeep } from './write-deep.js';
import { GIVE_UP, QUICK_DEPTH, writeQuick } from './write-fast.js';
import { Keys } from './write-keys.js';
import type { Scattered, Writer } from './write-leaf.js';

export type { EncodeOptions };

/** The atom cache of a connection, as the encoder sees it. */
export interface AtomCacheWriter {
  /** The index (0 to 254) of the atom in this packet's header, or -1 to spell it out. */
  refer(atom: Atom): number;
}

/** No binaries were left out. */
export const NOTHING: readonly Scattered[] = [];

const EMPTY = Buffer.alloc(0);

/** A target larger than this is not kept in mind for the next call. */
const KEPT_MEMORY = 4 * 1024 * 1024;

/** Writes terms and bytes into one output after another. Reusable, also after an error. */
export class Encoder {
  readonly #writer: Writer;
  readonly #sink: Sink;
  readonly #utf8Atoms: boolean;
  readonly #deterministic: boolean;
  #atomCache: AtomCacheWriter | undefined = undefined;
  /** Bytes of this output so far: stays true when the sink moves to other memory. */
  #used = 0;
  /** For the binaries that are left out: few messages have any. */
  #spare: Scattered[] = [];
  #target: Uint8Array | undefined = undefined;
  #given: RawBuffer | undefined = undefined;
  /** @internal Taken by a call of encode() that has not come back. */
  busy = false;

  /** @param reader what an older peer does not take; that is `not_encodable`. */
  constructor(options: EncodeOptions = {}, reader: OlderReader = {}) {
    const limits = resolveLimits(options.limits);
    const sink = new Sink(limits.encodedSize, reader);
    const minorVersion = options.minorVersion ?? 2;
    const stringKeys = options.keys === 'string';
    this.#sink = sink;
    this.#utf8Atoms = minorVersion === 2;
    this.#deterministic = options.deterministic === true;
    this.#writer = {
      sink,
      limits,
      textFloats: minorVersion === 0,
      stringKeys,
      keys: new Keys(stringKeys),
      plainAtoms: this.#utf8Atoms,
      plainKeys: this.#utf8Atoms || stringKeys,
      generateCode: options.generateCode !== false,
      quickDepth: Math.min(QUICK_DEPTH, limits.depth),
      scattered: undefined,
      identities: undefined,
      reached: 0,
      atom: (atom, pos) => this.#writeAtom(atom, pos),
    };
  }

  /** When set, every atom is offered to it. */
  get atomCache(): AtomCacheWriter | undefined {
    return this.#atomCache;
  }

  set atomCache(cache: AtomCacheWriter | undefined) {
    const writer = this.#writer;
    this.#atomCache = cache;
    writer.plainAtoms = this.#utf8Atoms && cache === undefined;
    writer.plainKeys = writer.plainAtoms || writer.stringKeys;
  }

  #writeAtom(atom: Atom, pos: number): number {
    const sink = this.#sink;
    const index = this.#atomCache === undefined ? -1 : this.#atomCache.refer(atom);
    if (index < 0) return this.#utf8Atoms ? writeAtom(sink, atom, pos) : writeOldAtom(sink, atom, pos);
    pos = sink.room(pos, 2);
    sink.view.setUint8(pos, ATOM_CACHE_REF);
    sink.view.setUint8(pos + 1, index);
    return pos + 2;
  }

  /** Starts a new output; an unfinished one is dropped. */
  begin(): void {
    this.#used = 0;
  }

  byte(value: number): void {
    const sink = this.#sink;
    const pos = sink.room(sink.start + this.#used, 1);
    sink.view.setUint8(pos, value);
    this.#used++;
  }

  bytes(chunk: Uint8Array): void {
    const sink = this.#sink;
    const pos = sink.room(sink.start + this.#used, chunk.length);
    sink.buffer.set(chunk, pos);
    this.#used += chunk.length;
  }

  /**
   * One term, without the 131. After an error the output is what it was before.
   *
   * @throws ArgumentError `not_encodable` for what is no Erlang term, and where it stands; LimitError.
   */
  term(term: Term): void {
    const sink = this.#sink;
    let end = this.#deterministic ? GIVE_UP : writeQuick(this.#writer, term, sink.start + this.#used);
    if (end < 0) end = this.#writeCarefully(term);
    const used = end - sink.start;
    const { encodedSize } = this.#writer.limits;
    if (used > encodedSize) throw new LimitError('term_too_large', 'encoded bytes', encodedSize, used);
    this.#used = used;
  }

  #writeCarefully(term: Term): number {
    const sink = this.#sink;
    // What the quick way may have put aside is put aside anew.
    if (this.#writer.scattered !== undefined) this.#writer.scattered.length = 0;
    // Sorting keys looks into them, so they must be known to be terms, and finite, first.
    if (this.#deterministic) {
      writeDeep(this.#writer, term, sink.start + this.#used, false);
      if (this.#writer.scattered !== undefined) this.#writer.scattered.length = 0;
    }
    return writeDeep(this.#writer, term, sink.start + this.#used, this.#deterministic);
  }

  /** What was written since {@link begin}: stays valid and is never written to again. */
  finish(): Buffer {
    const output = this.#sink.cut(this.#sink.start + this.#used);
    this.#used = 0;
    return output;
  }

  /**
   * As {@link term}, but large binaries are left out: what is answered is where they belong. They must not change until
   * they have been sent.
   */
  termWithout(term: Term): readonly Scattered[] {
    const writer = this.#writer;
    const scattered = this.#spare;
    const before = this.#used;
    scattered.length = 0;
    writer.scattered = scattered;
    try {
      this.term(term);
    } catch (error) {
      // Nothing of a term that failed is kept.
      scattered.length = 0;
      throw error;
    } finally {
      writer.scattered = undefined;
    }
    if (scattered.length === 0) return NOTHING;
    this.#spare = [];
    const { encodedSize } = writer.limits;
    let size = this.#used;
    for (const binary of scattered) size += binary.size;
    if (size > encodedSize) {
      this.#used = before;
      throw new LimitError('term_too_large', 'encoded bytes', encodedSize, size);
    }
    return scattered;
  }

  /** @internal {@link encodeParts} */
  parts(term: Term): Uint8Array[] {
    this.begin();
    this.byte(VERSION_MAGIC);
    const scattered = this.termWithout(term);
    const output = this.finish();
    const parts: Uint8Array[] = [];
    let from = 0;
    for (const { at, bytes } of scattered) {
      parts.push(output.subarray(from, at), bytes);
      from = at;
    }
    if (from < output.length) parts.push(output.subarray(from));
    return parts;
  }

  /** @internal {@link encodeInto}: for an encoder that is used for nothing else. */
  into(target: Uint8Array, offset: number, term: Term): number {
    const sink = this.#sink;
    if (target !== this.#target || sink.buffer !== this.#given || sink.buffer.length !== target.length) {
      this.#aim(target);
    }
    const given = this.#given as RawBuffer;
    sink.start = offset;
    try {
      this.begin();
      this.byte(VERSION_MAGIC);
      this.term(term);
      const size = this.#used;
      const end = offset + size;
      if (end > given.length) {
        throw new ArgumentError('badarg', `the term takes ${size} bytes; there is room for ${given.length - offset}`);
      }
      // It needed more room than there was while it was being written, and then it did fit.
      if (sink.buffer !== given) given.set(sink.buffer.subarray(sink.start, sink.start + size), offset);
      return end;
    } finally {
      if (given.length > KEPT_MEMORY) this.#aim(EMPTY);
    }
  }

  /** Writes into `target` from now on. It is kept: the next call is likely to have the same one. */
  #aim(target: Uint8Array): void {
    const { length } = target;
    // A detached memory cannot be looked at.
    const { buffer, byteOffset } = length === 0 ? EMPTY : target;
    const given = Buffer.from(buffer, byteOffset, length) as RawBuffer;
    this.#sink.use(given, new DataView(buffer, byteOffset, length), 0);
    this.#given = given;
    this.#target = isSteady(buffer) ? target : undefined;
  }

  /** Bytes written since {@link begin}. */
  get length(): number {
    return this.#used;
  }
}

/**
 * `term` as bytes, 131 first: `term_to_binary/2`.
 *
 * @throws ArgumentError `not_encodable` for what is no Erlang term, saying where it stands; LimitError over `limits`.
 */
export function encode(term: Term, options: EncodeOptions = DEFAULTS): Buffer {
  const encoder = takeEncoder(options, 0);
  try {
    encoder.begin();
    encoder.byte(VERSION_MAGIC);
    encoder.term(term);
    const plain = encoder.finish();
    const { compressed = false } = options;
    return compressed === false ? plain : compress(plain, compressed === true ? 6 : compressed);
  } finally {
    encoder.busy = false;
  }
}

/**
 * Writes `term` as {@link encode} does into `target` from `offset` on, and answers the offset after it. What follows it in
 * `target` may be scribbled on, also by a term that does not fit. `compressed` is refused.
 *
 * @throws ArgumentError `badarg` when it does not fit (the message says how many bytes it takes); otherwise as encode.
 */
export function encodeInto(target: Uint8Array, offset: number, term: Term, options: EncodeOptions = DEFAULTS): number {
  if (!isBytes(target))
    throw new ArgumentError('badarg', `encodeInto() writes into a Uint8Array, not ${typeof target}`);
  refuseCompressed(options, 'encodeInto()');
  if (!(offset >= 0 && offset <= target.length && Math.trunc(offset) === offset)) {
    throw new ArgumentError('badarg', `the offset must be 0 to ${target.length}, not ${offset}`);
  }
  const encoder = takeEncoder(options, ENCODERS);
  try {
    return encoder.into(target, offset, term);
  } finally {
    encoder.busy = false;
  }
}

/**
 * As {@link encode}, but in pieces: large binaries are handed back as they are instead of being copied, so that
 * `socket.cork()` and `write()`, or `writev`, send them from where they lie. They must not change until they are sent.
 */
export function encodeParts(term: Term, options: EncodeOptions = DEFAULTS): Uint8Array[] {
  refuseCompressed(options, 'encodeParts()');
  const encoder = takeEncoder(options, 0);
  try {
    return encoder.parts(term);
  } finally {
    encoder.busy = false;
  }
}

const DEFAULTS: EncodeOptions = {};

/** Only a term that lies in one piece can be compressed. */
function refuseCompressed(options: EncodeOptions, where: string): void {
  if ((options?.compressed ?? false) === false) return;
  throw new ArgumentError('badarg', `${where} does not compress; encode() does`);
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

// One encoder per combination of options, kept for the next call. A getter of the caller's may call encode(), too, while
// its encoder is at work; then there is a new one.
// Those that write into given memory come after the others.
const encoders: (Encoder | undefined)[] = new Array<Encoder | undefined>(2 * ENCODERS).fill(undefined);

function takeEncoder(options: EncodeOptions, from: number): Encoder {
  const kind = encodeKind(options);
  const known = kind < ENCODERS ? encoders[from + kind] : undefined;
  if (known !== undefined && !known.busy) {
    known.busy = true;
    return known;
  }
  const made = new Encoder(options);
  made.busy = true;
  if (known === undefined && kind < ENCODERS) encoders[from + kind] = made;
  return made;
}
