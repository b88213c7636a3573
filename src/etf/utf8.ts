// Strings ⇄ the UTF-8 in binaries. Strict: bytes that are not UTF-8 are no string, a lone surrogate is not encodable.
// Every way into C++ costs some 40 ns, so short strings are cut from one string made of the bytes around them.
import { Buffer, constants, isAscii, isUtf8, transcode } from 'node:buffer';
import { ByteTable } from './byte-table.js';
import type { RawBuffer } from './raw-buffer.js';
import type { Sink } from './sink.js';
import type { Source } from './source.js';

/** Strings up to this many bytes come from the window. */
const IN_WINDOW = 128;
/** Bytes that a window spans. A string of 13 characters or more that was cut from it keeps it alive. */
const WINDOW = 2048;
/** Up to this many bytes, UTF-8 that is not ASCII is decoded here, beyond it in C++. */
const DECODED_HERE = 1024;

/**
 * Longer texts stay bytes where they are keys: V8 hashes longer strings by their length alone, so that many of one length
 * would take minutes to put into a Map.
 */
export const LONGEST_KEY = 16_383;

/** The string in `size` bytes at `at`, or `undefined` when they are not UTF-8, or more than a string can have. */
export function readString(source: Source, at: number, size: number): string | undefined {
  if (size === 0) return '';
  if (size > LONGEST_KEY && (source.inKey || size > constants.MAX_STRING_LENGTH)) return undefined;
  if (size > IN_WINDOW) return readLong(source, at, size);
  if (size > KEPT_TEXT) return readWindow(source, at, size);
  const known = texts.find(source, at, size);
  if (known !== undefined) return known;
  const text = readWindow(source, at, size);
  if (text !== undefined) texts.keep(source, at, size, text);
  return text;
}

/** Longer strings are cut from a window without being copied: the table must not keep windows alive. */
const KEPT_TEXT = 12;
/** Short texts that came before, for messages that have few others: making a window costs more than looking here. */
const texts = new ByteTable<string>();

function readWindow(source: Source, at: number, size: number): string | undefined {
  if (!isAsciiFrom(source, at, at + size)) return readUnicode(source, at, size);
  if (source.copyBinaries) return source.bytes.latin1Slice(at, at + size);
  if (at < source.windowStart || at + size > source.windowEnd) {
    source.windowStart = at;
    source.windowEnd = Math.min(at + WINDOW, source.end);
    source.window = source.bytes.latin1Slice(at, source.windowEnd);
  }
  const from = at - source.windowStart;
  return source.window.slice(from, from + size);
}

/** Keys that came before; V8 has each of them once, which is what makes them quick as names of properties. */
const names = new ByteTable<string>();

/** As {@link readString}, for a key: a Buffer when it is not UTF-8, or long. */
export function readName(source: Source, at: number, size: number): string | Buffer {
  const known = names.find(source, at, size);
  if (known !== undefined) return known;
  const text = size > LONGEST_KEY ? undefined : readString(source, at, size);
  if (text === undefined) return Buffer.from(source.bytes.subarray(at, at + size));
  // Made anew, so that the table keeps no window alive.
  if (size <= IN_WINDOW) names.keep(source, at, size, source.bytes.utf8Slice(at, at + size));
  return text;
}

/** Whether the bytes from `at` to `end` are ASCII. */
export function isAsciiFrom(source: Source, at: number, end: number): boolean {
  const { view } = source;
  let bits = 0;
  if (end - at >= 4) {
    // The last words overlap the ones before them.
    if (end - at >= 8) {
      for (; at + 8 <= end; at += 8) bits |= view.getInt32(at) | view.getInt32(at + 4);
      bits |= view.getInt32(end - 8);
    } else bits |= view.getInt32(at);
    bits |= view.getInt32(end - 4);
  } else for (; at < end; at++) bits |= (source.bytes[at] as number) * 0x01010101;
  return (bits & 0x80808080) === 0;
}

/** Up to this many bytes, looking for bytes that are not ASCII is quicker here than in C++. */
const CHECKED_HERE = 400;

function readLong(source: Source, at: number, size: number): string | undefined {
  if (size <= CHECKED_HERE) {
    return isAsciiFrom(source, at, at + size) ? source.bytes.latin1Slice(at, at + size) : readUnicode(source, at, size);
  }
  const part = source.bytes.subarray(at, at + size);
  return isAscii(part) ? source.bytes.latin1Slice(at, at + size) : readUnicode(source, at, size);
}

const units = new Uint16Array(DECODED_HERE);
const unitBytes = Buffer.from(units.buffer) as RawBuffer;
const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Whether it throws for what is not UTF-8, as it should, and does not write U+FFFD. */
const transcodeIsStrict =
  refuses([0xff]) && refuses([0xed, 0xa0, 0x80]) && refuses([0xc0, 0x80]) && refuses([0x61, 0xe2]);

function refuses(bytes: readonly number[]): boolean {
  try {
    return transcode(Uint8Array.from(bytes), 'utf8', 'utf16le').length === 0;
  } catch {
    return true;
  }
}

function readUnicode(source: Source, at: number, size: number): string | undefined {
  if (size > DECODED_HERE || !isLittleEndian) {
    const part = source.bytes.subarray(at, at + size);
    if (!(isLittleEndian && transcodeIsStrict)) {
      return isUtf8(part) ? source.bytes.utf8Slice(at, at + size) : undefined;
    }
    // Several times as fast as the decoder that a Buffer has for strings.
    let wide: RawBuffer;
    try {
      wide = transcode(part, 'utf8', 'utf16le') as RawBuffer;
    } catch {
      return undefined;
    }
    return wide.ucs2Slice(0, wide.length);
  }
  const length = decodeUtf8(source.bytes, at, at + size);
  return length < 0 ? undefined : unitBytes.ucs2Slice(0, length * 2);
}

/** Fills `units` and answers how many; -1 for bytes that are not UTF-8 (RFC 3629: shortest form, no surrogates). */
function decodeUtf8(bytes: Uint8Array, at: number, end: number): number {
  let length = 0;
  while (at < end) {
    const first = bytes[at++] as number;
    if (first < 0x80) {
      units[length++] = first;
      continue;
    }
    if (at >= end) return -1;
    const second = (bytes[at++] as number) ^ 0x80;
    if (second > 0x3f) return -1;
    if (first < 0xe0) {
      if (first < 0xc2) return -1;
      units[length++] = ((first & 0x1f) << 6) | second;
      continue;
    }
    if (at >= end) return -1;
    const third = (bytes[at++] as number) ^ 0x80;
    if (third > 0x3f) return -1;
    if (first < 0xf0) {
      const unit = ((first & 0xf) << 12) | (second << 6) | third;
      if (unit < 0x800 || (unit & 0xf800) === 0xd800) return -1;
      units[length++] = unit;
      continue;
    }
    if (at >= end) return -1;
    const fourth = (bytes[at++] as number) ^ 0x80;
    if (fourth > 0x3f) return -1;
    const point = ((first & 0xf) << 18) | (second << 12) | (third << 6) | fourth;
    if (first > 0xf4 || point < 0x10000 || point > 0x10ffff) return -1;
    units[length++] = 0xd7c0 + (point >> 10);
    units[length++] = 0xdc00 | (point & 0x3ff);
  }
  return length;
}

const REPLACEMENT = Buffer.from('\ufffd');

/** Writes the bytes of `text`; answers -1 for a lone surrogate, which UTF-8 does not have. Room must be there. */
export function writeUtf8(sink: Sink, text: string, pos: number): number {
  const { length } = text;
  const written = sink.buffer.utf8Write(text, pos, sink.buffer.length - pos);
  if (written !== length && mayBeReplaced(sink.view, pos, written) && !text.isWellFormed()) return -1;
  return pos + written;
}

const REPLACEMENT_START = 0xef;

/**
 * Whether a byte is one that U+FFFD begins with, which a lone surrogate becomes: looking at the bytes is quicker than
 * asking for the text. Looked for in four bytes at a time: only where one is equal, a borrow reaches its highest bit.
 */
function mayBeReplaced(view: DataView, pos: number, size: number): boolean {
  const end = pos + size;
  let found = 0;
  for (; pos + 4 <= end; pos += 4) {
    const differs = view.getInt32(pos) ^ (REPLACEMENT_START * 0x01010101);
    found |= (differs - 0x01010101) & ~differs;
  }
  for (; pos < end; pos++) if (view.getUint8(pos) === REPLACEMENT_START) return true;
  return (found & 0x80808080) !== 0;
}

/** So many UTF-16 units are turned into UTF-8 at a time: more would be memory that is new each time, which is slow. */
const CHUNK = 16 * 1024;
let chunk: RawBuffer | undefined;

/** As {@link writeUtf8}, for a long text, and makes room itself. */
export function writeLongUtf8(sink: Sink, text: string, pos: number): number {
  chunk ??= Buffer.allocUnsafeSlow(CHUNK * 2) as RawBuffer;
  const { length } = text;
  let i = 0;
  while (i < length) {
    let end = Math.min(i + CHUNK, length);
    // A pair of surrogates stays together.
    if (end < length && (text.charCodeAt(end - 1) & 0xfc00) === 0xd800) end--;
    const part = text.slice(i, end);
    const bytes = utf8Of(part, chunk);
    if (bytes === undefined) return -1;
    pos = sink.room(pos, bytes.length);
    sink.buffer.set(bytes, pos);
    pos += bytes.length;
    i = end;
  }
  return pos;
}

/** `undefined` for a lone surrogate. */
function utf8Of(part: string, scratch: RawBuffer): Uint8Array | undefined {
  if (!isLittleEndian) return part.isWellFormed() ? Buffer.from(part) : undefined;
  const size = scratch.ucs2Write(part, 0, part.length * 2);
  try {
    const bytes = transcode(scratch.subarray(0, size), 'utf16le', 'utf8');
    // Where a lone surrogate is not refused it becomes U+FFFD: only a text that has one must be looked at.
    return bytes.indexOf(REPLACEMENT) < 0 || part.isWellFormed() ? bytes : undefined;
  } catch {
    return undefined;
  }
}

export function isLongAscii(text: string): boolean {
  return !looksUnicode(text) && Buffer.byteLength(text) === text.length;
}

/** Counting the bytes of a text that is not ASCII is slow, so some of its characters are looked at first. */
function looksUnicode(text: string): boolean {
  const step = text.length >> 6;
  for (let i = 0; i < text.length; i += step) if (text.charCodeAt(i) > 127) return true;
  return false;
}
