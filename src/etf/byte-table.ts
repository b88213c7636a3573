// Things that are known by their bytes: atoms and keys that came before are found without making a string.
// Direct-mapped: a slot is chosen by the length and three bytes, and verified in 32-bit words. Bounded by construction.
import type { Source } from './source.js';

const SLOTS = 2048;
const WORDS = 8;
/** Longer things are not kept. */
const MAX_SIZE = WORDS * 4;

export class ByteTable<T> {
  readonly #values: (T | undefined)[] = new Array<T | undefined>(SLOTS).fill(undefined);
  /** 0 for an empty slot. */
  readonly #sizes = new Uint8Array(SLOTS);
  readonly #words = new Int32Array(SLOTS * WORDS);

  /** What was kept for the `size` bytes at `at`. */
  find(source: Source, at: number, size: number): T | undefined {
    if (size === 0 || size > MAX_SIZE) return undefined;
    const { bytes, view } = source;
    const slot = slotOf(bytes, at, size);
    if (this.#sizes[slot] !== size) return undefined;
    const words = this.#words;
    const end = at + size;
    let word = slot * WORDS;
    let i = at;
    for (; i + 4 <= end; i += 4, word++) if (view.getInt32(i) !== words[word]) return undefined;
    return i < end && tail(bytes, i, end) !== words[word] ? undefined : this.#values[slot];
  }

  keep(source: Source, at: number, size: number, value: T): void {
    if (size === 0 || size > MAX_SIZE) return;
    const { bytes, view } = source;
    const slot = slotOf(bytes, at, size);
    this.#sizes[slot] = size;
    this.#values[slot] = value;
    const end = at + size;
    let word = slot * WORDS;
    let i = at;
    for (; i + 4 <= end; i += 4) this.#words[word++] = view.getInt32(i);
    if (i < end) this.#words[word] = tail(bytes, i, end);
  }
}

function slotOf(bytes: Uint8Array, at: number, size: number): number {
  const first = bytes[at] as number;
  const middle = bytes[at + (size >> 1)] as number;
  const last = bytes[at + size - 1] as number;
  return (size * 31 + first * 7 + middle * 131 + last * 577) & (SLOTS - 1);
}

function tail(bytes: Uint8Array, i: number, end: number): number {
  let word = 0;
  while (i < end) word = (word << 8) | (bytes[i++] as number);
  return word;
}
