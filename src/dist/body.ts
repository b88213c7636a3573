// An encoded message on its way into packets: control term and payload, taken from the front in any portions.
// Large binaries stay where the program has them; nothing of them is copied before the operating system does it.
import { Buffer } from 'node:buffer';
import type { Scattered } from '../etf/write-leaf.js';
import type { Output } from './output.js';

/** What a sender has to send, in its order: a message, or a run of small ones. */
export interface Waiting {
  /** Bytes in all. */
  readonly size: number;
  /** Bytes that go into the first packet; all, if that is the only one. */
  readonly first: number;
  /** Bytes that were taken. */
  readonly taken: number;
  /** What its sender sent next and what waits for this. A chain: an array's shift() moves all that wait. */
  behind: Waiting | undefined;
  /** Moves the next `bytes` bytes to the output. */
  moveTo(output: Pick<Output, 'add'>, bytes: number): void;
}

export class Body implements Waiting {
  readonly size: number;
  readonly first: number;
  behind: Waiting | undefined = undefined;
  taken = 0;
  readonly #encoded: Buffer;
  readonly #scattered: readonly Scattered[];
  /** How much of the encoded bytes was taken, and of the binaries; and of the binary that is being taken. */
  #encodedTaken = 0;
  #binary = 0;
  #binaryTaken = 0;

  /**
   * @param scattered large binaries that are not among the encoded bytes.
   * @param whole a message of up to so many bytes is not cut.
   * @param control bytes of the control term, which is never cut.
   */
  constructor(
    encoded: Buffer,
    scattered: readonly Scattered[],
    whole: number = Number.POSITIVE_INFINITY,
    control: number = 0,
  ) {
    let size = encoded.length;
    for (let i = 0; i < scattered.length; i++) size += (scattered[i] as Scattered).size;
    this.size = size;
    this.first = size > whole ? Math.max(control, whole) : size;
    this.#encoded = encoded;
    this.#scattered = scattered;
  }

  moveTo(output: Pick<Output, 'add'>, bytes: number): void {
    this.taken += bytes;
    if (this.#scattered.length === 0) {
      const from = this.#encodedTaken;
      this.#encodedTaken += bytes;
      output.add(bytes === this.size ? this.#encoded : this.#encoded.subarray(from, from + bytes));
      return;
    }
    while (bytes > 0) bytes -= this.#moveSome(output, bytes);
  }

  #moveSome(output: Pick<Output, 'add'>, atMost: number): number {
    const next = this.#scattered[this.#binary];
    const from = this.#encodedTaken;
    const until = next?.at ?? this.#encoded.length;
    if (next === undefined || from < until) {
      const size = Math.min(atMost, until - from);
      output.add(this.#encoded.subarray(from, from + size));
      this.#encodedTaken += size;
      return size;
    }
    const size = Math.min(atMost, next.size - this.#binaryTaken);
    output.add(view(next, this.#binaryTaken, size));
    this.#binaryTaken += size;
    if (this.#binaryTaken === next.size) {
      this.#binary++;
      this.#binaryTaken = 0;
    }
    return size;
  }
}

/** A part of a binary. One that the program has taken away meanwhile is no longer true, but still as long as announced. */
function view({ bytes, size: whole }: Scattered, at: number, size: number): Buffer {
  if (bytes.length !== whole) return Buffer.alloc(size);
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, size);
}
