// Binaries and bitstrings: BINARY_EXT, BIT_BINARY_EXT (protocol section 5.1). An empty bitstring is always a BINARY_EXT.
// A large binary is a view of the bytes received, a small one a copy: none keeps more than VIEW_RATIO times itself alive,
// or one of the pools of 8 KB that Node cuts small Buffers from.
import { Buffer } from 'node:buffer';
import { BitString } from '../term/bitstring.js';
import { BufferView } from './raw-buffer.js';
import type { Refusal } from './refusal.js';
import type { Sink } from './sink.js';
import type { Source } from './source.js';
import * as tags from './tags.js';
import { isAsciiFrom, isLongAscii, readString, writeLongUtf8, writeUtf8 } from './utf8.js';

// V8 treats a constant of this module as one, an imported one as a variable.
const BINARY_EXT = tags.BINARY_EXT;
const BIT_BINARY_EXT = tags.BIT_BINARY_EXT;

/** A binary is a view when the memory that it keeps alive is at most this many times its own size. */
export const VIEW_RATIO = 4;

/** From this length on, other ways are quicker. */
const LONG_TEXT = 1024;

/** UTF-8 bytes of a JavaScript string; -1 for a lone surrogate. */
export function writeString(sink: Sink, text: string, pos: number): number {
  const { length } = text;
  if (length >= LONG_TEXT) return writeLongString(sink, text, pos);
  // A UTF-16 unit takes at most three bytes of UTF-8.
  pos = sink.room(pos, 5 + length * 3);
  const end = writeUtf8(sink, text, pos + 5);
  if (end < 0) return -1;
  sink.view.setUint8(pos, BINARY_EXT);
  sink.view.setUint32(pos + 1, end - pos - 5);
  return end;
}

function writeLongString(sink: Sink, text: string, pos: number): number {
  const { length } = text;
  if (isLongAscii(text)) {
    pos = writeBinaryHead(sink, length, sink.room(pos, 5 + length));
    sink.buffer.latin1Write(text, pos, length);
    return pos + length;
  }
  // The memory may move while the text is written, and its size is known only then.
  const written = pos - sink.start;
  pos = sink.room(pos, 5 + length);
  const end = writeLongUtf8(sink, text, pos + 5);
  if (end < 0) return -1;
  const head = sink.start + written;
  sink.view.setUint8(head, BINARY_EXT);
  sink.view.setUint32(head + 1, end - head - 5);
  return end;
}

export function writeBinaryHead(sink: Sink, size: number, pos: number): number {
  pos = sink.room(pos, 5);
  sink.view.setUint8(pos, BINARY_EXT);
  sink.view.setUint32(pos + 1, size);
  return pos + 5;
}

export function writeBinary(sink: Sink, bytes: Uint8Array, pos: number): number {
  pos = sink.room(pos, 5 + bytes.length);
  sink.view.setUint8(pos, BINARY_EXT);
  sink.view.setUint32(pos + 1, bytes.length);
  sink.buffer.set(bytes, pos + 5);
  return pos + 5 + bytes.length;
}

/** What keeps a bitstring from being one: no runtime is sent a number of bits that it may not survive. */
export function bitStringFlaw({ bytes, lastBits }: BitString): Refusal | undefined {
  if (!(bytes instanceof Uint8Array)) return 'a bitstring whose bytes are no Uint8Array';
  const fits = bytes.length === 0 || (Number.isInteger(lastBits) && lastBits >= 1 && lastBits <= 8);
  return fits ? undefined : `a bitstring with ${String(lastBits)} bits in its last byte (1 to 8)`;
}

export function writeBitString(sink: Sink, value: BitString, pos: number): number {
  const size = value.bytes.length;
  if (size === 0 || value.lastBits >= 8) return writeBinary(sink, value.bytes, pos);
  pos = sink.room(pos, 6 + size);
  sink.view.setUint8(pos, BIT_BINARY_EXT);
  sink.view.setUint32(pos + 1, size);
  sink.view.setUint8(pos + 5, value.lastBits);
  sink.buffer.set(value.bytes, pos + 6);
  const last = pos + 5 + size;
  sink.buffer[last] = (sink.buffer[last] as number) & (0xff << (8 - value.lastBits));
  return last + 1;
}

/** Where the tag BINARY_EXT stands: a text that lies in the window is cut from it here. */
export function readText(source: Source, at: number): Buffer | string {
  if (source.end - at >= 5) {
    const from = at + 5;
    const to = from + source.view.getUint32(at + 1);
    // There is a window only where strings are wanted, and it ends where the bytes do at the latest.
    if (from >= source.windowStart && to <= source.windowEnd && isAsciiFrom(source, from, to)) {
      source.pos = to;
      return source.window.slice(from - source.windowStart, to - source.windowStart);
    }
  }
  source.pos = at + 1;
  return readBinary(source);
}

/** After the tag BINARY_EXT. */
export function readBinary(source: Source): Buffer | string {
  const size = source.u32('the length of BINARY_EXT');
  const at = source.skip(size, 'a binary');
  if (source.stringBinaries) {
    const text = readString(source, at, size);
    if (text !== undefined) return text;
  }
  return ownOrView(source, at, size);
}

/** After the tag BIT_BINARY_EXT. */
export function readBitString(source: Source): BitString | Buffer | string {
  const start = source.pos - 1;
  const size = source.u32('the length of BIT_BINARY_EXT');
  const bits = source.u8('the bits in the last byte of BIT_BINARY_EXT');
  if (size === 0 || bits === 0 || bits > 8) {
    const message = `expected a BIT_BINARY_EXT with 1 to 8 bits in its last byte, got ${size} bytes and ${bits} bits`;
    throw source.error('bad_bitstring', message, start);
  }
  const at = source.skip(size, 'a bitstring');
  if (bits === 8) {
    const text = source.stringBinaries ? readString(source, at, size) : undefined;
    return text ?? ownOrView(source, at, size);
  }
  // A copy in any case: the unused bits are not ours to clear in bytes that somebody lent.
  const own = Buffer.from(source.bytes.subarray(at, at + size));
  own[size - 1] = (own[size - 1] as number) & (0xff << (8 - bits));
  return new BitString(own, bits);
}

/** Bytes that a copy is made for with a loop: cheaper than asking C++. */
const SHORT_COPY = 64;

function ownOrView(source: Source, at: number, size: number): Buffer {
  const { memory } = source;
  if (!source.copyBinaries && size * VIEW_RATIO >= memory.byteLength) return new BufferView(memory, at, size);
  const own = source.copyBinaries ? Buffer.allocUnsafeSlow(size) : Buffer.allocUnsafe(size);
  const { bytes } = source;
  if (size <= SHORT_COPY) for (let i = 0; i < size; i++) own[i] = bytes[at + i] as number;
  else own.set(bytes.subarray(at, at + size));
  return own;
}
