// Length-prefixed frames out of a stream of chunks (protocol sections 2 and 3.1). A frame of zero bytes is a tick.
// Memory follows bytes that arrived: an announced length is checked against the limit and otherwise only believed byte by byte.
import { Buffer } from 'node:buffer';
import { LimitError } from '../errors.js';

/** First size of the buffer that collects a frame which comes in several chunks; it grows as bytes arrive. */
const FIRST_CAPACITY = 4096;
/** Untouched memory costs next to nothing, copying does. */
const GROWTH = 4;

const nothing = Buffer.alloc(0);

/** Cuts a stream into frames, with a length of 2 bytes (handshake over TCP) or 4 bytes before each. */
export class FrameReader {
  readonly #lengthBytes: 2 | 4;
  readonly #limit: number;
  #chunk: Buffer = nothing;
  #at = 0;
  /** Bytes of the current length that were read, and their value so far. */
  #headerBytes = 0;
  #length = 0;
  /** The current frame, when it did not come in one chunk. */
  #body: Buffer | undefined;
  #filled = 0;

  /** The frame that {@link advance} went to. */
  bytes: Buffer = nothing;
  start = 0;
  end = 0;

  constructor(lengthBytes: 2 | 4, limit: number) {
    this.#lengthBytes = lengthBytes;
    this.#limit = limit;
  }

  /** Appends a chunk; {@link next} then gives the frames. Frames may be views of the chunk. */
  push(chunk: Uint8Array): void {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.#chunk = this.#at === this.#chunk.length ? bytes : Buffer.concat([this.#chunk.subarray(this.#at), bytes]);
    this.#at = 0;
  }

  /** The next frame's content, or undefined until more bytes come. @throws as {@link advance}. */
  next(): Buffer | undefined {
    return this.advance() ? this.bytes.subarray(this.start, this.end) : undefined;
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
    if (this.#body === undefined) {
      if (here >= this.#length) {
        this.bytes = this.#chunk;
        this.start = this.#at;
        this.end = this.#at + this.#length;
        this.#at = this.end;
        this.#startFrame();
        return true;
      }
      if (here === 0) return false;
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
    this.#filled = 0;
  }
}
