// Length-prefixed frames out of a stream of chunks (protocol sections 2 and 3.1). A frame of zero bytes is a tick.
// Memory follows bytes that arrived: an announced length is checked against the limit and otherwise only believed byte by byte.
import { Buffer } from 'node:buffer';
import { LimitError } from '../errors.js';

/** First size of the buffer that collects a frame which comes in several chunks; it grows as bytes arrive. */
const FIRST_CAPACITY = 4096;
/** Pieces of a frame from this size on may be handed over as they came. */
const LARGE_PIECE = 16 * 1024;
/** Untouched memory costs next to nothing, copying does. */
const GROWTH = 4;

const nothing = Buffer.alloc(0);

/**
 * Cuts a stream into frames, with a length of 2 bytes (handshake over TCP) or 4 bytes before each. Chunks are pushed as they
 * come; `next` gives a frame, or undefined until more bytes are there. A length over the limit is a LimitError
 * `frame_too_large` as soon as it is read, and memory is taken for bytes that came, not for those that it promises.
 */
export class FrameReader {
  readonly #lengthBytes: 2 | 4;
  readonly #limit: number;
  #chunk: Buffer = nothing;
  #at = 0;
  /** Bytes of the current length that were read, and their value so far. */
  #headerBytes = 0;
  #length = 0;
  /** The current frame, when it did not come in one chunk: copied together, or as the pieces that came. */
  #body: Buffer | undefined;
  #pieces: Buffer[] | undefined;
  #filled = 0;
  readonly #mayScatter: (chunk: Buffer, start: number) => boolean;

  /** The frame that {@link advance} went to. */
  bytes: Buffer = nothing;
  start = 0;
  end = 0;
  /** Instead of `bytes`: the frame in pieces, when it came so and the reader can do with that. */
  pieces: readonly Buffer[] | undefined;

  /**
   * @param mayScatter told where a frame begins that does not end in its chunk: whether the reader takes it in pieces.
   * Copying large frames together costs more than all else that is done to them.
   */
  constructor(lengthBytes: 2 | 4, limit: number, mayScatter: (chunk: Buffer, start: number) => boolean = () => false) {
    this.#lengthBytes = lengthBytes;
    this.#limit = limit;
    this.#mayScatter = mayScatter;
  }

  /** Appends a chunk; {@link next} then gives the frames. Frames may be views of the chunk. */
  push(chunk: Uint8Array): void {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.#chunk = this.#at === this.#chunk.length ? bytes : Buffer.concat([this.#chunk.subarray(this.#at), bytes]);
    this.#at = 0;
  }

  /** The next frame's content, or undefined until more bytes come. @throws as {@link advance}. */
  next(): Buffer | undefined {
    if (!this.advance()) return undefined;
    return this.pieces === undefined ? this.bytes.subarray(this.start, this.end) : Buffer.concat(this.pieces);
  }

  /**
   * Goes to the next frame: `bytes` from `start` to `end`, valid until the next call. A view of each frame would cost
   * more than reading a small message in it.
   *
   * @returns false until more bytes come.
   * @throws LimitError `frame_too_large` as soon as the length is known.
   */
  advance(): boolean {
    if (this.#headerBytes < this.#lengthBytes && !this.#readLength()) return false;
    const here = this.#chunk.length - this.#at;
    this.pieces = undefined;
    if (this.#pieces !== undefined) return this.#scatter(here);
    if (this.#body === undefined) {
      if (here >= this.#length) {
        this.bytes = this.#chunk;
        this.start = this.#at;
        this.end = this.#at + this.#length;
        this.#at = this.end;
        this.#startFrame();
        return true;
      }
      if (here === 0) {
        this.#letGo();
        return false;
      }
      if (this.#mayScatter(this.#chunk, this.#at)) {
        this.#pieces = [];
        return this.#scatter(here);
      }
    }
    return this.#collect(here);
  }

  /** What came after the last frame; to be asked right after {@link next} gave one. */
  rest(): Buffer {
    return this.#chunk.subarray(this.#at);
  }

  #readLength(): boolean {
    const wanted = this.#lengthBytes;
    while (this.#headerBytes < wanted) {
      const byte = this.#chunk[this.#at];
      if (byte === undefined) {
        this.#letGo();
        return false;
      }
      this.#length = this.#length * 256 + byte;
      this.#at++;
      this.#headerBytes++;
    }
    if (this.#length > this.#limit) {
      throw new LimitError(
        'frame_too_large',
        'the peer announced a frame of too many bytes',
        this.#limit,
        this.#length,
      );
    }
    return true;
  }

  #scatter(here: number): boolean {
    const pieces = this.#pieces as Buffer[];
    const take = Math.min(here, this.#length - this.#filled);
    const done = this.#filled + take === this.#length;
    // The first piece and the last may be small. A frame that drips in would cost more in pieces than in bytes.
    if (take < LARGE_PIECE && pieces.length > 0 && !done) {
      this.#body = Buffer.concat(pieces);
      this.#pieces = undefined;
      return here > 0 && this.#collect(here);
    }
    pieces.push(this.#chunk.subarray(this.#at, this.#at + take));
    this.#filled += take;
    this.#at += take;
    if (!done) {
      this.#letGo();
      return false;
    }
    this.pieces = pieces;
    this.start = 0;
    this.end = this.#length;
    this.#startFrame();
    return true;
  }

  #collect(here: number): boolean {
    const take = Math.min(here, this.#length - this.#filled);
    const wanted = this.#filled + take;
    if (this.#body === undefined || wanted > this.#body.length) {
      const grown = Buffer.allocUnsafeSlow(Math.min(this.#length, Math.max(FIRST_CAPACITY, wanted * GROWTH)));
      this.#body?.copy(grown, 0, 0, this.#filled);
      this.#body = grown;
    }
    this.#chunk.copy(this.#body, this.#filled, this.#at, this.#at + take);
    this.#filled = wanted;
    this.#at += take;
    if (this.#filled < this.#length) {
      this.#letGo();
      return false;
    }
    this.bytes = this.#body;
    this.start = 0;
    this.end = this.#length;
    this.#startFrame();
    return true;
  }

  /** An idle connection does not hold on to what it has read. */
  #letGo(): void {
    this.#chunk = nothing;
    this.bytes = nothing;
    this.#at = 0;
  }

  #startFrame(): void {
    this.#headerBytes = 0;
    this.#length = 0;
    this.#body = undefined;
    this.#pieces = undefined;
    this.#filled = 0;
  }
}
