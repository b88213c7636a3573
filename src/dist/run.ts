// Small packets that wait behind a large message of their sender, written out one behind the other: an object and a
// buffer for each would be worth ten times their bytes (promise 9). Invariant: what it was given is never moved again.
import { Buffer } from 'node:buffer';
import type { Waiting } from './body.js';
import type { Output } from './output.js';

const FIRST_BYTES = 1024;
const MOST_BYTES = 64 * 1024;

export class Run implements Waiting {
  behind: Waiting | undefined = undefined;
  readonly #memory: Buffer;
  #used = 0;

  constructor(capacity: number) {
    this.#memory = Buffer.allocUnsafeSlow(capacity);
  }

  /** `last` if it is a run that has room for `size` bytes, or an empty one that has. Runs grow with the number of them. */
  static after(last: Waiting, size: number): Run {
    if (!(last instanceof Run)) return new Run(Math.max(FIRST_BYTES, size));
    const { length } = last.#memory;
    return size <= length - last.#used ? last : new Run(Math.max(Math.min(2 * length, MOST_BYTES), size));
  }

  get size(): number {
    return this.#used;
  }

  get first(): number {
    return this.#used;
  }

  /** It leaves whole, and as soon as its turn has come. */
  get taken(): number {
    return this.#used;
  }

  reserve(size: number): { readonly memory: Buffer; readonly offset: number } {
    const offset = this.#used;
    this.#used += size;
    return { memory: this.#memory, offset };
  }

  add(piece: Buffer): void {
    const { memory, offset } = this.reserve(piece.length);
    memory.set(piece, offset);
  }

  moveTo(output: Pick<Output, 'add'>): void {
    output.add(this.#memory.subarray(0, this.#used));
  }
}
