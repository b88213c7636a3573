// Terms to bytes (protocol section 5.2).
import type { Buffer } from 'node:buffer';
import { ArgumentError } from '../errors.js';
import type { Atom } from '../term/atom.js';
import type { Term } from '../term/term.js';
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
  readonly limits?: CodecLimits;
}

/** The atom cache of a connection, as the encoder sees it. */
export interface AtomCacheWriter {
  /** The index (0 to 254) of the atom in this packet's header, or -1 to spell it out. */
  refer(atom: Atom): number;
}

/** Writes terms and bytes into one output after another. Reusable, also after an error. */
export class Encoder {
  /** When set, every atom is offered to it. */
  atomCache: AtomCacheWriter | undefined = undefined;

  constructor(_options?: EncodeOptions) {}

  /** Starts a new output; an unfinished one is dropped. */
  begin(): void {}
  byte(_value: number): void {}
  bytes(_chunk: Uint8Array): void {}
  /** One term, without the 131. @throws ArgumentError `not_encodable`, LimitError. */
  term(_term: Term): void {
    throw new ArgumentError('not_encodable', 'not written yet');
  }
  /** What was written since {@link begin}: stays valid and is never written to again. */
  finish(): Buffer {
    throw new ArgumentError('not_encodable', 'not written yet');
  }
  /** Bytes written since {@link begin}. */
  get length(): number {
    return 0;
  }
}
