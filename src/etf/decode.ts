// Bytes to terms (protocol section 5.1): the decoder of a connection's packets, and decode() for stand-alone terms.
// Whatever the bytes are: a term, a DecodeError or a LimitError, in time and memory that follow the bytes received.
import { ArgumentError, type DecodeError } from '../errors.js';
import type { Atom } from '../term/atom.js';
import type { Term } from '../term/term.js';
import { decodeKind, LIMITED } from './check-options.js';
import { readCompressed } from './compressed.js';
import type { DecodeOptions } from './options.js';
import { isBytes } from './raw-buffer.js';
import { readDeep } from './read-deep.js';
import { readFast } from './read-fast.js';
import { Source } from './source.js';
import { COMPRESSED, VERSION_MAGIC } from './tags.js';

export type { DecodeOptions };

/** Reads the terms in packets. Reusable, also after an error. */
export class Decoder {
  readonly #source: Source;
  #end = 0;

  constructor(options: DecodeOptions = {}) {
    this.#source = new Source(options);
  }

  /** Offset after the term read last. */
  get end(): number {
    return this.#end;
  }

  /**
   * The term (without a 131) that starts at `offset`; `atoms` resolves ATOM_CACHE_REF. What follows it is left alone, and
   * nothing at or behind `limit` is looked at.
   *
   * @throws DecodeError, LimitError
   */
  term(bytes: Uint8Array, offset: number, atoms?: readonly Atom[], limit: number = bytes.length): Term {
    const source = this.#source;
    source.open(bytes, offset, atoms, limit);
    try {
      const term = this.#read();
      this.#end = source.pos - source.base;
      return term;
    } finally {
      source.close();
    }
  }

  /**
   * A stand-alone term at the start of `bytes`: with 131, perhaps compressed. What follows it is left alone; what follows
   * it inside the compressed bytes only when `allowTrailing` says so.
   */
  standAlone(bytes: Uint8Array, allowTrailing = false): Term {
    const source = this.#source;
    source.open(bytes, 0, undefined, bytes.length);
    try {
      const version = source.u8('the version byte');
      if (version !== VERSION_MAGIC) {
        throw source.error('bad_version', `expected the version byte ${VERSION_MAGIC}, got ${version}`, source.base);
      }
      if (source.pos < source.end && source.bytes[source.pos] === COMPRESSED) return this.#inflated(allowTrailing);
      const term = this.#read();
      this.#end = source.pos - source.base;
      return term;
    } finally {
      source.close();
    }
  }

  #read(): Term {
    const source = this.#source;
    const start = source.pos;
    try {
      return readFast(source, 0);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      // The caller's own stack is nearly full; the other way needs next to none.
      source.restart(start);
      return readDeep(source, 0);
    }
  }

  #inflated(allowTrailing: boolean): Term {
    const source = this.#source;
    source.pos++;
    const inner = readCompressed(source);
    const end = source.pos - source.base;
    const term = this.term(inner, 0);
    if (this.#end !== inner.length && !allowTrailing) throw this.trailing(inner.length);
    this.#end = end;
    return term;
  }

  /** The error for `size` bytes of which the last term read is only the beginning. */
  trailing(size: number): DecodeError {
    const message = `expected the end after a term, got ${size - this.#end} more bytes (allowTrailing ignores them)`;
    return this.#source.error('trailing_bytes', message, this.#source.base + this.#end);
  }
}

/**
 * The term in `bytes`, which start with 131: `binary_to_term/2`.
 *
 * @throws DecodeError for bytes that are no term, LimitError for a term over `limits`, ArgumentError for no bytes.
 */
export function decode(bytes: Uint8Array, options?: DecodeOptions): Term {
  const decoder = decoderFor(bytes, options);
  const allowTrailing = options?.allowTrailing === true;
  const term = decoder.standAlone(bytes, allowTrailing);
  if (decoder.end !== bytes.length && !allowTrailing) throw decoder.trailing(bytes.length);
  return term;
}

/** The first term in `bytes` and how many bytes it took: `binary_to_term(Bytes, [used])`. */
export function decodeFirst(
  bytes: Uint8Array,
  options?: DecodeOptions,
): { readonly term: Term; readonly used: number } {
  const decoder = decoderFor(bytes, options);
  const term = decoder.standAlone(bytes, options?.allowTrailing === true);
  return { term, used: decoder.end };
}

// One decoder per combination of options, made when first needed. Decoding calls nobody's code, so none is ever busy.
const decoders: (Decoder | undefined)[] = new Array<Decoder | undefined>(LIMITED).fill(undefined);

function decoderFor(bytes: Uint8Array, options: DecodeOptions | undefined): Decoder {
  if (!isBytes(bytes)) {
    throw new ArgumentError('badarg', `decode() takes a Uint8Array, not ${bytes === null ? 'null' : typeof bytes}`);
  }
  if (options === undefined) return shared(0, {});
  const kind = decodeKind(options);
  return kind < LIMITED ? shared(kind, options) : new Decoder(options);
}

function shared(kind: number, options: DecodeOptions): Decoder {
  const known = decoders[kind];
  if (known !== undefined) return known;
  const made = new Decoder(options);
  decoders[kind] = made;
  return made;
}
