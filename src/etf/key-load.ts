// Numbers as keys of a Map: V8 finds them by a hash that anybody can compute beforehand, so a peer can choose as many as it
// likes that all have the same one, and every key then costs a search through all before it: 400,000 take minutes.
// Invariant: before a Map gets many of them, the searches are counted, and the term is refused when they are too many.
import { LimitError } from '../errors.js';
import type { Source } from './source.js';

/** Maps of fewer keys are not looked at: all of their searches together are few. */
export const MANY_KEYS = 128;

/** The numbers among the keys of one large map. */
export class KeyLoad {
  readonly #source: Source;
  readonly #count: number;
  /** Of the numbers so far; made with the first one. */
  #hashes: Int32Array | undefined = undefined;
  #added = 0;
  /** How many keys each place has. There are as many places as a Map of so many keys has room for. */
  #places: Uint32Array = NO_PLACES;

  constructor(source: Source, count: number) {
    this.#source = source;
    this.#count = count;
  }

  /** @throws LimitError `term_too_large` */
  add(key: number | bigint): void {
    this.#hashes ??= new Int32Array(this.#count);
    const hash = hashOf(key);
    this.#hashes[this.#added] = hash;
    if (this.#added === this.#places.length) this.#grow(this.#hashes);
    this.#added++;
    const before = this.#put(hash);
    const source = this.#source;
    source.searched += before;
    const { keySearches } = source.limits;
    if (source.searched <= keySearches) return;
    const what = 'steps to tell apart numbers that are keys and that JavaScript hashes alike';
    throw new LimitError('term_too_large', what, keySearches, source.searched);
  }

  /** As the Map itself: keys that are far from each other in the large one may all have been at one place of a small one. */
  #grow(hashes: Int32Array): void {
    this.#places = new Uint32Array(Math.max(MANY_KEYS, 2 * this.#places.length));
    for (let i = 0; i < this.#added; i++) this.#put(hashes[i] as number);
  }

  /** @returns how many are at its place before it. */
  #put(hash: number): number {
    const place = hash & (this.#places.length - 1);
    const before = this.#places[place] as number;
    this.#places[place] = before + 1;
    return before;
  }
}

const NO_PLACES = new Uint32Array(0);

const bits = new DataView(new ArrayBuffer(8));

/** V8's own hash (`Object::GetSimpleHash`, Node.js 20 to 24). Where an engine has another one, what is counted means nothing and does no harm. */
export function hashOf(key: number | bigint): number {
  if (typeof key === 'bigint') bits.setBigUint64(0, key < 0n ? -key : key);
  else if ((key | 0) === key) return hashOf32(key);
  else bits.setFloat64(0, key);
  return hashOf64(bits.getUint32(0), bits.getUint32(4));
}

function hashOf32(key: number): number {
  let hash = (~key + (key << 15)) | 0;
  hash ^= hash >>> 12;
  hash = (hash + (hash << 2)) | 0;
  hash ^= hash >>> 4;
  hash = Math.imul(hash, 2057);
  return (hash ^ (hash >>> 16)) & 0x3fffffff;
}

/** As hashOf32, of two halves: additions and the multiplication carry from the lower to the upper one. */
function hashOf64(keyHigh: number, keyLow: number): number {
  let sum = (~keyLow >>> 0) + ((keyLow << 18) >>> 0);
  let low = sum >>> 0;
  let high = (~keyHigh + ((keyHigh << 18) | (keyLow >>> 14)) + (sum > 0xffffffff ? 1 : 0)) >>> 0;
  low = (low ^ ((high << 1) | (low >>> 31))) >>> 0;
  high = (high ^ (high >>> 31)) >>> 0;
  const product = low * 21;
  high = (Math.imul(high, 21) + Math.floor(product / 2 ** 32)) >>> 0;
  low = product >>> 0;
  low = (low ^ ((high << 21) | (low >>> 11))) >>> 0;
  high = (high ^ (high >>> 11)) >>> 0;
  sum = low + ((low << 6) >>> 0);
  high = (high + ((high << 6) | (low >>> 26)) + (sum > 0xffffffff ? 1 : 0)) >>> 0;
  low = sum >>> 0;
  return (low ^ ((high << 10) | (low >>> 22))) & 0x3fffffff;
}
