// Bytes that wait to be written: small pieces are copied together, large ones are passed on as they are.
// What was taken is never written to again.
import { Buffer } from 'node:buffer';

/** The memory that small pieces are copied to; the first of it is smaller, as most of a thousand connections say little. */
const SLAB = 64 * 1024;
const FIRST_SLAB = 1024;
/** Pieces of at least this size are not copied. */
const LARGE_PIECE = 4 * 1024;

/** Bytes that wait for the next write: small pieces are copied together, large ones stay what they are. */
export class Output {
  #pieces: Buffer[] = [];
  /** How long the pieces were when they came: the memory of one that the program owns may be taken away. */
  #sizes: number[] = [];
  #slab: Buffer = Buffer.alloc(0);
  #nextSlab = FIRST_SLAB;
  /** The part of the slab that is filled and not yet a piece. */
  #start = 0;
  #end = 0;
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** Room for `size` bytes, to be filled by the caller at once: the memory, from `offset` on. */
  reserve(size: number): { readonly memory: Buffer; readonly offset: number } {
    if (this.#end + size > this.#slab.length) {
      this.#cut();
      this.#slab = Buffer.allocUnsafeSlow(Math.max(this.#nextSlab, size));
      this.#nextSlab = Math.min(this.#nextSlab * 4, SLAB);
      this.#start = 0;
      this.#end = 0;
    }
    const offset = this.#end;
    this.#end += size;
    this.#bytes += size;
    return { memory: this.#slab, offset };
  }

  add(piece: Buffer): void {
    if (piece.length < LARGE_PIECE) {
      const { memory, offset } = this.reserve(piece.length);
      memory.set(piece, offset);
      return;
    }
    this.#cut();
    this.#pieces.push(piece);
    this.#sizes.push(piece.length);
    this.#bytes += piece.length;
  }

  take(): Buffer[] {
    this.#cut();
    const taken = this.#pieces;
    const sizes = this.#sizes;
    for (let i = 0; i < taken.length; i++) {
      // Its content is lost, and its length has been announced to the peer already.
      if ((taken[i] as Buffer).length !== sizes[i]) taken[i] = Buffer.alloc(sizes[i] as number);
    }
    this.#pieces = [];
    this.#sizes = [];
    this.#bytes = 0;
    return taken;
  }

  #cut(): void {
    if (this.#end > this.#start) {
      this.#pieces.push(this.#slab.subarray(this.#start, this.#end));
      this.#sizes.push(this.#end - this.#start);
    }
    this.#start = this.#end;
  }
}
