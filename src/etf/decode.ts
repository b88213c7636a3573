// Bytes to terms (protocol section 5.1).
import { DecodeError } from '../errors.js';
import type { Atom } from '../term/atom.js';
import type { Term } from '../term/term.js';
import type { CodecLimits } from './limits.js';

export interface DecodeOptions {
  /** `'exact'`: every float is a `Float`. Default `'number'`. */
  readonly floats?: 'number' | 'exact';
  /** `'string'`: a binary that is valid UTF-8 becomes a string. Default `'buffer'`. */
  readonly binaries?: 'buffer' | 'string';
  /** `'object'`: a map whose keys are atoms and strings only becomes a null-prototype object. Default `'map'`. */
  readonly maps?: 'map' | 'object';
  /** Refuse atoms that this process does not know yet. */
  readonly safe?: boolean;
  readonly limits?: CodecLimits;
  /** Ignore what follows a complete term, as OTP does. Default: `trailing_bytes`. */
  readonly allowTrailing?: boolean;
}

/** Reads terms. Reusable, also after an error. */
export class Decoder {
  /** Offset after the term read last. */
  readonly end: number = 0;

  constructor(_options?: DecodeOptions) {}

  /**
   * The term (without a 131) that starts at `offset`; `atoms` resolves ATOM_CACHE_REF.
   *
   * @throws DecodeError, LimitError
   */
  term(_bytes: Uint8Array, offset: number, _atoms?: readonly Atom[]): Term {
    throw new DecodeError('bad_tag', 'not written yet', offset);
  }
}
