// What callers may ask of the encoder and the decoder. In a file of its own so that the parts which obey these options
// need not know the parts that take them.
import type { CodecLimits } from './limits.js';

export interface EncodeOptions {
  /** zlib level 0 to 9, or `true` for 6; kept only when it makes the term smaller. Stand-alone terms only. */
  readonly compressed?: boolean | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9;
  /** OTP's meaning: 2 = all atoms in UTF-8 (default), 1 = Latin-1 where possible, 0 = floats as text, too. */
  readonly minorVersion?: 0 | 1 | 2;
  /** Map entries in OTP's map-key order instead of the order in which they stand. */
  readonly deterministic?: boolean;
  /** What the keys of plain objects become: atoms (default) or binaries. */
  readonly keys?: 'atom' | 'string';
  /** Whether writers for objects of one shape may be generated (`new Function`). Default: where allowed. */
  readonly generateCode?: boolean;
  readonly limits?: CodecLimits;
}

export interface DecodeOptions {
  /** `'exact'`: every float is a `Float`. Default `'number'`; a whole float that is a map key is a `Float` all the same. */
  readonly floats?: 'number' | 'exact';
  /** `'string'`: a binary that is valid UTF-8 becomes a string. Default `'buffer'`. */
  readonly binaries?: 'buffer' | 'string';
  /** `'object'`: a map whose keys are atoms and strings only becomes a null-prototype object. Default `'map'`. */
  readonly maps?: 'map' | 'object';
  /** Refuse atoms that this process does not know yet (`unknown_atom`). */
  readonly safe?: boolean;
  /** Every binary in memory of its own. Default: large ones are views of the bytes decoded. */
  readonly copyBinaries?: boolean;
  /** Whether readers for maps of one shape may be generated (`new Function`) with `maps: 'object'`. Default: where allowed. */
  readonly generateCode?: boolean;
  readonly limits?: CodecLimits;
  /** Ignore what follows a complete term, as OTP does. Default: `trailing_bytes`. */
  readonly allowTrailing?: boolean;
}
