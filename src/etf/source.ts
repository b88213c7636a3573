// The bytes being decoded and where we are in them. Positions count from the start of the underlying ArrayBuffer, so that
// one DataView serves all frames that share it; errors count from where the term was said to begin.
// Invariant: nothing is read at or beyond `end`, and nothing is allocated for bytes that are not there.
import { Buffer } from 'node:buffer';
import { DecodeError, type DecodeErrorCode, LimitError } from '../errors.js';
import type { Atom } from '../term/atom.js';
import type { Identities } from './identity.js';
import { type CodecLimits, resolveLimits } from './limits.js';
import type { DecodeOptions } from './options.js';
import { BufferView, isSteady, type RawBuffer } from './raw-buffer.js';

/** A memory larger than this is not kept alive between two terms by the decoder's own view. */
const KEPT_MEMORY = 4 * 1024 * 1024;
/** Deeper terms are read with a stack of our own. */
const QUICK_DEPTH = 1050;
const NOTHING = Buffer.alloc(0) as RawBuffer;

export class Source {
  bytes: RawBuffer = NOTHING;
  view: DataView = new DataView(NOTHING.buffer, 0, 0);
  /** What `bytes` and `view` span. */
  memory: ArrayBufferLike = NOTHING.buffer;
  #size = 0;
  /** The caller's bytes as they were opened last. */
  #given: Uint8Array = NOTHING;
  #givenSize = 0;
  pos = 0;
  end = 0;
  /** Where the caller's bytes start in the ArrayBuffer, and where in them the term does: errors count from there. */
  base = 0;
  origin = 0;
  atoms: readonly Atom[] | undefined = undefined;
  /**
   * How many terms all headers so far have promised, the characters of a STRING_EXT among them. Each takes a byte of its
   * own, so more promises than bytes are a lie, and preallocating what was promised never takes more memory than a multiple
   * of the bytes received.
   */
  promised = 0;
  /** Steps that the numbers among map keys will have taken. */
  searched = 0;
  /** The most that may be promised. */
  #most = 0;
  /** Inside a map key everything is decoded without loss: two keys that differ must not become one. */
  inKey = false;
  /** Of this term's map keys; made when a map has several compound ones. */
  identities: Identities | undefined = undefined;

  /** The bytes from windowStart to windowEnd as Latin-1, from which ASCII strings are cut. */
  window = '';
  windowStart = 0;
  windowEnd = 0;

  readonly exactFloats: boolean;
  readonly stringBinaries: boolean;
  readonly objectMaps: boolean;
  readonly safe: boolean;
  readonly copyBinaries: boolean;
  readonly generateCode: boolean;
  /** Levels that the quick way may go down. */
  readonly quickDepth: number;
  readonly limits: Required<CodecLimits>;

  constructor(options: DecodeOptions) {
    this.exactFloats = options.floats === 'exact';
    this.stringBinaries = options.binaries === 'string';
    this.objectMaps = options.maps === 'object';
    this.safe = options.safe === true;
    this.copyBinaries = options.copyBinaries === true;
    this.generateCode = options.generateCode !== false;
    this.limits = resolveLimits(options.limits);
    this.quickDepth = Math.min(QUICK_DEPTH, this.limits.depth);
  }

  open(bytes: Uint8Array, offset: number, atoms: readonly Atom[] | undefined, limit: number): void {
    // Looking behind a Uint8Array is slow, and a packet is opened twice: for its control message and its payload.
    if (bytes !== this.#given || bytes.length !== this.#givenSize) this.#take(bytes);
    this.pos = this.base + offset;
    this.origin = this.pos;
    this.end = this.base + limit;
    this.#most = Math.min(limit - offset, this.limits.elements);
    this.atoms = atoms;
    this.promised = 0;
    this.searched = 0;
    this.inKey = false;
    this.identities = undefined;
    this.windowEnd = 0;
  }

  #take(given: Uint8Array): void {
    // Asked once, as each time takes as long as reading a short string.
    const memory = given.buffer;
    this.#given = given;
    this.#givenSize = given.length;
    if (memory === this.memory && memory.byteLength === this.#size) this.base = given.byteOffset;
    else this.#change(given);
  }

  #change(given: Uint8Array): void {
    let bytes = given;
    // A detached memory cannot be looked at; and what can change or shrink meanwhile is copied, each time anew.
    if (bytes.length === 0) bytes = NOTHING;
    else if (!isSteady(bytes.buffer)) {
      bytes = new Uint8Array(bytes);
      this.#given = NOTHING;
    }
    const memory = bytes.buffer;
    this.base = bytes.byteOffset;
    this.memory = memory;
    this.#size = memory.byteLength;
    this.bytes = new BufferView(memory, 0, this.#size) as RawBuffer;
    this.view = new DataView(memory);
  }

  /** Begins again at `pos`. */
  restart(pos: number): void {
    this.pos = pos;
    this.promised = 0;
    this.searched = 0;
    this.inKey = false;
  }

  /** Lets go of what the caller lent. */
  close(): void {
    this.atoms = undefined;
    this.identities = undefined;
    this.window = '';
    if (this.#size > KEPT_MEMORY) this.#take(NOTHING);
  }

  u8(what: string): number {
    if (this.pos >= this.end) throw this.truncated(1, what);
    return this.bytes[this.pos++] as number;
  }

  u16(what: string): number {
    const at = this.pos;
    if (this.end - at < 2) throw this.truncated(2, what);
    this.pos = at + 2;
    return this.view.getUint16(at);
  }

  u32(what: string): number {
    const at = this.pos;
    if (this.end - at < 4) throw this.truncated(4, what);
    this.pos = at + 4;
    return this.view.getUint32(at);
  }

  /** Position of the next `length` bytes, which are passed over. */
  skip(length: number, what: string): number {
    const at = this.pos;
    if (this.end - at < length) throw this.truncated(length, what);
    this.pos = at + length;
    return at;
  }

  /** Takes note that `count` terms must follow. */
  promise(count: number, what: string): void {
    this.promised += count;
    if (count > this.end - this.pos || this.promised > this.#most) throw this.#brokenPromise(count, what);
  }

  #brokenPromise(count: number, what: string): DecodeError | LimitError {
    const left = this.end - this.pos;
    const { elements } = this.limits;
    if (count <= left && this.promised <= this.end - this.origin)
      return new LimitError('term_too_large', 'elements of one term', elements, this.promised);
    const message = `${what} promises ${count} terms; only ${left} bytes are left for them and what encloses them`;
    return new DecodeError('truncated', message, this.pos - this.origin);
  }

  truncated(length: number, what: string): DecodeError {
    const left = this.end - this.pos;
    return new DecodeError(
      'truncated',
      `expected ${length} bytes of ${what}, only ${left} are left`,
      this.pos - this.origin,
    );
  }

  /** An error at a position of the ArrayBuffer (default: here). */
  error(code: DecodeErrorCode, message: string, at: number = this.pos, options?: ErrorOptions): DecodeError {
    return new DecodeError(code, message, at - this.origin, options);
  }
}
