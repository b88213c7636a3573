// Strings ⇄ the UTF-8 in binaries. Strict: bytes that are not UTF-8 are no string, a lone surrogate is not encodable.
import { Buffer, isAscii, isUtf8 } from 'node:buffer';
import type { Sink } from './sink.js';
import type { Source } from './source.js';

/** The string in `size` bytes at `at`, or `undefined` when they are not UTF-8. */
export function readString(source: Source, at: number, size: number): string | undefined {
  const part = source.bytes.subarray(at, at + size);
  if (isAscii(part)) return source.bytes.latin1Slice(at, at + size);
  return isUtf8(part) ? source.bytes.utf8Slice(at, at + size) : undefined;
}

/** Writes the bytes of `text`; answers -1 for a lone surrogate, which UTF-8 does not have. Room must be there. */
export function writeUtf8(sink: Sink, text: string, pos: number): number {
  const written = sink.buffer.utf8Write(text, pos, sink.buffer.length - pos);
  if (written !== text.length && !text.isWellFormed()) return -1;
  return pos + written;
}

export function utf8Size(text: string): number {
  return Buffer.byteLength(text);
}
