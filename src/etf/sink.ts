// The bytes being written: a slab that one output after another is cut from. Writers take a position and return the next.
// Invariant: bytes handed out are never written to again; a writer asks for room before it writes.
import { Buffer } from 'node:buffer';
import { LimitError } from '../errors.js';
import { BufferView, type RawBuffer } from './raw-buffer.js';

/** Up to the soft end, this much can be written without asking: a head, a number, an identifier's fields, a short key. */
export const SLACK = 256;

/**
 * Outputs are cut from slabs of at most this many bytes, so one kept output keeps at most one slab alive. The first are
 * smaller: most of a thousand connections never say much.
 */
const SLAB = 64 * 1024;
const FIRST_SLAB = 4 * 1024;

/** What the reader of an output, if it is an older release, takes for damage. */
export interface OlderReader {
  /** OTP 23: identifiers of a newer release. */
  readonly smallIdentifiers?: boolean;
  /** Before OTP 29: native records. */
  readonly noRecords?: boolean;
}

export class Sink {
  buffer: RawBuffer;
  view: DataView;
  /** Where the current output starts. */
  start = 0;
  /** At positions up to here there is room for SLACK bytes. */
  soft: number;
  readonly limit: number;
  readonly smallIdentifiers: boolean;
  readonly noRecords: boolean;
  /** How large a slab is by now. */
  #slab = FIRST_SLAB;
  /** The slab that was left for an output too large for it, and where its free part begins. */
  #left: { readonly memory: RawBuffer; readonly view: DataView; readonly start: number } | undefined = undefined;

  constructor(limit: number, { smallIdentifiers = false, noRecords = false }: OlderReader = {}) {
    this.limit = limit;
    this.smallIdentifiers = smallIdentifiers;
    this.noRecords = noRecords;
    this.buffer = Buffer.allocUnsafeSlow(FIRST_SLAB) as RawBuffer;
    this.view = new DataView(this.buffer.buffer);
    this.soft = FIRST_SLAB - SLACK;
  }

  /** Writes into memory from now on in which the output starts at `start`. */
  use(memory: RawBuffer, view: DataView, start: number): void {
    this.buffer = memory;
    this.view = view;
    this.start = start;
    this.soft = memory.length - SLACK;
    this.#left = undefined;
  }

  /** Makes sure that `bytes` can be written at `pos`; answers the position, which moves when the memory does. */
  room(pos: number, bytes: number): number {
    return pos + bytes <= this.buffer.length ? pos : this.grow(pos, bytes);
  }

  grow(pos: number, bytes: number): number {
    const written = pos - this.start;
    const needed = written + bytes;
    if (needed > this.limit) {
      throw new LimitError('term_too_large', 'encoded bytes', this.limit, needed);
    }
    const { buffer, view, start } = this;
    const size = Math.max(this.#nextSlab(), needed + 1024, Math.min(written * 2, this.limit));
    const next = Buffer.allocUnsafeSlow(size) as RawBuffer;
    buffer.copy(next, 0, start, pos);
    const left = this.#left ?? (size > SLAB && buffer.length === SLAB ? { memory: buffer, view, start } : undefined);
    this.use(next, new DataView(next.buffer), 0);
    this.#left = left;
    return written;
  }

  /** Cuts the output off; the rest of the slab is for the next one. */
  cut(pos: number): Buffer {
    const output = new BufferView(this.buffer.buffer, this.start, pos - this.start);
    if (pos > this.soft || this.buffer.length > SLAB) this.#renew();
    else this.start = pos;
    return output;
  }

  /** Takes a slab. A large output owns its memory: what small ones would add must not keep it alive. */
  #renew(): void {
    const left = this.#left;
    if (left !== undefined) {
      this.use(left.memory, left.view, left.start);
      return;
    }
    const slab = Buffer.allocUnsafeSlow(this.#nextSlab()) as RawBuffer;
    this.use(slab, new DataView(slab.buffer), 0);
  }

  #nextSlab(): number {
    this.#slab = Math.min(this.#slab * 4, SLAB);
    return this.#slab;
  }
}
