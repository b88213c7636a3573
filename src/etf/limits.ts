// The codec's limits and their defaults; docs/LIMITS.md explains each one.

/** What one call of the codec may cost at most. Every field is optional; the default is in {@link CODEC_LIMITS}. */
export interface CodecLimits {
  /** Levels of nesting: `too_deep` beyond it, in both directions. */
  readonly depth?: number;
  /** Bytes that a compressed term may inflate to: `inflated_too_large`. */
  readonly inflatedSize?: number;
  /** Magnitude bytes of one integer, in both directions: `integer_too_large`. */
  readonly integerSize?: number;
  /**
   * Elements of all tuples, lists, maps, funs and records of one term together, in decoding: `term_too_large`. Two bytes
   * can become an object of two hundred, so this is what keeps a term of many megabytes from filling the heap.
   */
  readonly elements?: number;
  /**
   * Steps to tell apart the numbers that are keys of large maps of one term, in decoding: `term_too_large`. Only numbers
   * that were chosen to have one hash take more than one step each.
   */
  readonly keySearches?: number;
  /** Bytes of one encoded term: `term_too_large`. */
  readonly encodedSize?: number;
}

/** The defaults. `integerSize` is OTP 29's own limit, `encodedSize` the largest packet that a length field can announce. */
export const CODEC_LIMITS: Required<CodecLimits> = {
  depth: 250_000,
  inflatedSize: 64 * 1024 * 1024,
  integerSize: (2 ** 16 - 1) * 8,
  elements: 5_000_000,
  keySearches: 20_000_000,
  encodedSize: 2 ** 31 - 1,
};

export function resolveLimits(limits: CodecLimits | undefined): Required<CodecLimits> {
  if (limits === undefined) return CODEC_LIMITS;
  // One that is given as undefined is not given: spread, it would take the default's place.
  const given = Object.entries(limits).filter(([, limit]) => limit !== undefined);
  return { ...CODEC_LIMITS, ...Object.fromEntries(given) };
}
