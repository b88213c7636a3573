// COMPRESSED: a whole stand-alone term, deflated (protocol section 5.1). Never inside another term or a dist message.
// Invariant: inflating stops at the promised size, which must be met exactly and is never allocated ahead.
import type { Buffer } from 'node:buffer';
import { deflateSync, type InputType, inflateSync } from 'node:zlib';
import { LimitError } from '../errors.js';
import type { Source } from './source.js';

/** After the tag COMPRESSED: the bytes of the term (from its tag on). The source is left after the zlib stream. */
export function readCompressed(source: Source): Buffer {
  const start = source.pos - 1;
  const size = source.u32('the size of a compressed term');
  const { inflatedSize } = source.limits;
  if (size > inflatedSize) throw new LimitError('inflated_too_large', 'bytes of an inflated term', inflatedSize, size);
  if (size === 0) throw source.error('bad_compressed', 'a compressed term of no bytes', start);
  const { buffer, engine } = inflate(source, size, start);
  if (buffer.length !== size) {
    throw source.error('bad_compressed', `expected ${size} inflated bytes, got ${buffer.length}`, start);
  }
  source.pos += engine.bytesWritten;
  return buffer;
}

/** What zlib answers when asked for `info`; not in @types/node. */
interface Inflated {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

function inflate(source: Source, size: number, start: number): Inflated {
  const input = source.bytes.subarray(source.pos, source.end);
  const options = { maxOutputLength: size, info: true };
  try {
    return (inflateSync as unknown as (input: InputType, options: object) => Inflated)(input, options);
  } catch (cause) {
    const tooLong = (cause as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE';
    const message = tooLong ? `expected ${size} inflated bytes, got more` : 'a compressed term that is no zlib stream';
    throw source.error('bad_compressed', message, start, { cause });
  }
}

export function deflate(bytes: Uint8Array, level: number): Buffer {
  return deflateSync(bytes, { level });
}
