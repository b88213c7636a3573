// Integers: SMALL_INTEGER_EXT, INTEGER_EXT, SMALL_BIG_EXT, LARGE_BIG_EXT (protocol sections 5.1 and 5.2).
// Canonical out (fewest bytes); in, every spelling of a number that OTP accepts. Safe integers are numbers, others bigints.
import { Buffer } from 'node:buffer';
import { LimitError } from '../errors.js';
import type { Sink } from './sink.js';
import type { Source } from './source.js';
import * as tags from './tags.js';

// V8 treats a constant of this module as one, an imported one as a variable.
const INTEGER_EXT = tags.INTEGER_EXT;
const LARGE_BIG_EXT = tags.LARGE_BIG_EXT;
const SMALL_BIG_EXT = tags.SMALL_BIG_EXT;
const SMALL_INTEGER_EXT = tags.SMALL_INTEGER_EXT;

export const TWO32 = 4294967296;

/** An integral number; -0 is 0. */
export function writeInteger(sink: Sink, value: number, pos: number): number {
  pos = sink.room(pos, 16);
  const view = sink.view;
  if (value >= 0 && value <= 255) {
    view.setUint8(pos, SMALL_INTEGER_EXT);
    view.setUint8(pos + 1, value);
    return pos + 2;
  }
  if ((value | 0) === value) {
    view.setUint8(pos, INTEGER_EXT);
    view.setInt32(pos + 1, value);
    return pos + 5;
  }
  const magnitude = Math.abs(value);
  if (magnitude > Number.MAX_SAFE_INTEGER) return writeBigint(sink, BigInt(value), pos);
  return writeSafeInteger(view, value, pos);
}

/** An integer of 32 to 53 bits, where there is room for it. */
export function writeSafeInteger(view: DataView, value: number, pos: number): number {
  const magnitude = Math.abs(value);
  return writeHalves(view, magnitude | 0, (magnitude / TWO32) | 0, value < 0, pos);
}

const halves = new Uint32Array(2);
const signed = new BigInt64Array(halves.buffer);
const unsigned = new BigUint64Array(halves.buffer);
const LOW = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? 0 : 1;
const HIGH = 1 - LOW;

export function writeBigint(sink: Sink, value: bigint, pos: number): number {
  const end = writeSmallBigint(sink, value, pos);
  return end < 0 ? writeLargeBigint(sink, value < 0n ? -value : value, value < 0n, pos) : end;
}

/** A bigint whose magnitude has up to 64 bits; -1 for a longer one. */
export function writeSmallBigint(sink: Sink, value: bigint, pos: number): number {
  // For what fits, asUintN and asIntN answer the very same bigint, which is quick to compare.
  const negative = BigInt.asUintN(64, value) !== value;
  if (!negative) unsigned[0] = value;
  else if (BigInt.asIntN(64, value) === value) signed[0] = value;
  else {
    const magnitude = -value;
    if (BigInt.asUintN(64, magnitude) !== magnitude) return -1;
    unsigned[0] = value;
  }
  let low = halves[LOW] as number;
  let high = halves[HIGH] as number;
  if (negative) {
    high = (low === 0 ? -high : ~high) >>> 0;
    low = -low >>> 0;
  }
  if (high === 0 && low <= 0x80000000 && (negative || low < 0x80000000)) {
    return writeInteger(sink, negative ? -low : low, pos);
  }
  pos = sink.room(pos, 16);
  return writeHalves(sink.view, low, high, negative, pos);
}

const SMALL_BIG_HEAD = SMALL_BIG_EXT << 24;

/** SMALL_BIG_EXT of a magnitude of up to 64 bits that needs more than 31. */
export function writeHalves(view: DataView, low: number, high: number, negative: boolean, pos: number): number {
  const size = 8 - (Math.clz32(high) >> 3);
  // What is written too much is written over by what comes next.
  view.setInt32(pos, SMALL_BIG_HEAD | (size << 16) | (negative ? 256 : 0));
  view.setInt32(pos + 3, low, true);
  view.setInt32(pos + 7, high, true);
  return pos + 3 + size;
}

function writeLargeBigint(sink: Sink, magnitude: bigint, negative: boolean, pos: number): number {
  // Hexadecimal is the one road in and out of a BigInt that is linear in its length.
  const digits = magnitude.toString(16);
  const size = (digits.length + 1) >> 1;
  pos = sink.room(pos, size + 8);
  const view = sink.view;
  if (size <= 255) {
    view.setUint8(pos, SMALL_BIG_EXT);
    view.setUint8(pos + 1, size);
    pos += 2;
  } else {
    view.setUint8(pos, LARGE_BIG_EXT);
    view.setUint32(pos + 1, size);
    pos += 5;
  }
  view.setUint8(pos, negative ? 1 : 0);
  sink.buffer.write(digits.length % 2 === 0 ? digits : `0${digits}`, pos + 1, size, 'hex');
  sink.buffer.subarray(pos + 1, pos + 1 + size).reverse();
  return pos + 1 + size;
}

/** Bytes of a bigint's magnitude: for the limit, without converting it. */
export function bigintSize(value: bigint): number {
  if (BigInt.asIntN(64, value) === value) return 8;
  return ((value < 0n ? -value : value).toString(16).length + 1) >> 1;
}

/** Where the tag SMALL_BIG_EXT stands. What stands near the end, or is of an unusual size, is for {@link readBig}. */
export function readSmallBig(source: Source): number | bigint {
  const at = source.pos;
  const { bytes, view } = source;
  const size = bytes[at + 1] as number;
  if (source.end - at < 11 || size < 4 || size > 8) {
    source.pos = at + 1;
    return readBig(source, SMALL_BIG_EXT);
  }
  source.pos = at + 3 + size;
  const low = view.getUint32(at + 3, true);
  // What stands behind the magnitude is cut off.
  const high = (view.getInt32(at + 7, true) & (MASKS[size - 4] as number)) >>> 0;
  const negative = bytes[at + 2] !== 0;
  if (high >= 0x200000) return fromHalves(low, high, negative);
  const magnitude = high * TWO32 + low;
  return negative ? 0 - magnitude : magnitude;
}

/** After the tag SMALL_BIG_EXT or LARGE_BIG_EXT. Any non-zero sign byte means negative, as in OTP. */
export function readBig(source: Source, tag: number): number | bigint {
  const size = tag === SMALL_BIG_EXT ? source.u8('the size of SMALL_BIG_EXT') : source.u32('the size of LARGE_BIG_EXT');
  const negative = source.u8('the sign of a big integer') !== 0;
  const at = source.skip(size, 'the magnitude of a big integer');
  if (size > source.limits.integerSize) {
    throw new LimitError('integer_too_large', 'bytes of an integer', source.limits.integerSize, size);
  }
  if (size > 8) return readLarge(source.bytes, at, size, negative);
  const { bytes } = source;
  let low = 0;
  let high = 0;
  for (let i = size - 1; i >= 4; i--) high = high * 256 + (bytes[at + i] as number);
  for (let i = Math.min(size, 4) - 1; i >= 0; i--) low = low * 256 + (bytes[at + i] as number);
  if (high < 0x200000) {
    const magnitude = high * TWO32 + low;
    return negative ? 0 - magnitude : magnitude;
  }
  return fromHalves(low, high, negative);
}

/** What counts of the upper half of 4 to 8 bytes. */
const MASKS = [0, 0xff, 0xffff, 0xffffff, -1];

function fromHalves(low: number, high: number, negative: boolean): bigint {
  if (high > 0x7fffffff) {
    const magnitude = (BigInt(high) << 32n) | BigInt(low);
    return negative ? -magnitude : magnitude;
  }
  halves[LOW] = negative ? -low : low;
  halves[HIGH] = negative ? (low === 0 ? -high : ~high) : high;
  return signed[0] as bigint;
}

function readLarge(bytes: Buffer, at: number, size: number, negative: boolean): number | bigint {
  while (size > 0 && bytes[at + size - 1] === 0) size--;
  if (size === 0) return 0;
  const magnitude = BigInt(
    `0x${Buffer.from(bytes.subarray(at, at + size))
      .reverse()
      .toString('hex')}`,
  );
  const value = negative ? -magnitude : magnitude;
  return magnitude <= 0x1f_ffff_ffff_ffffn ? Number(value) : value;
}
