// The literal part of Erlang's bit syntax: `<<1:4, "abc"/utf8, 1.5:32/float-little>>` to a binary or bitstring.
// Memory: the size of the result is bounded before anything is allocated, because `<<0:99999999999>>` is a short text.
import { Buffer } from 'node:buffer';
import { LimitError } from '../errors.js';
import { BitString } from './bitstring.js';
import { Float } from './float.js';
import type { Term } from './term.js';

/** 64 MiB. */
const MAX_BITS = 2 ** 29;

type SegmentType = 'integer' | 'float' | 'binary' | 'utf8' | 'utf16' | 'utf32';

/** What stands after the slash of a segment; absent is the default of the type. */
export interface SegmentSpec {
  readonly type?: SegmentType;
  readonly unit?: number;
  readonly endian?: 'big' | 'little' | 'native';
  readonly sign?: 'signed' | 'unsigned';
}

export interface Segment extends SegmentSpec {
  readonly value: Term;
  /** Written as a string, each character of which is a segment of its own. */
  readonly text: string | undefined;
  readonly size: Term | 'default';
}

const TYPES: Readonly<Record<string, SegmentSpec>> = {
  integer: { type: 'integer' },
  float: { type: 'float' },
  binary: { type: 'binary' },
  bytes: { type: 'binary' },
  bitstring: { type: 'binary', unit: 1 },
  bits: { type: 'binary', unit: 1 },
  utf8: { type: 'utf8' },
  utf16: { type: 'utf16' },
  utf32: { type: 'utf32' },
  big: { endian: 'big' },
  little: { endian: 'little' },
  native: { endian: 'native' },
  signed: { sign: 'signed' },
  unsigned: { sign: 'unsigned' },
};

/** `spec` with one more word of the list after the slash; a text when the word is unknown or contradicts another. */
export function addSpecifier(spec: SegmentSpec, word: string, unit: number | bigint | undefined): SegmentSpec | string {
  let more: SegmentSpec | undefined;
  if (unit === undefined) more = Object.hasOwn(TYPES, word) ? TYPES[word] : undefined;
  else if (word === 'unit') {
    if (unit < 1 || unit > 256) return 'a unit that is not 1 to 256';
    more = { unit: Number(unit) };
  }
  if (more === undefined) return 'a type, sign, endianness or unit that the bit syntax does not have';
  for (const key of Object.keys(more) as (keyof SegmentSpec)[]) {
    if (spec[key] !== undefined && spec[key] !== more[key]) return `a second ${key} that contradicts the first`;
  }
  return { ...spec, ...more };
}

/** The bits of all segments; a text that says what is wrong when there are none. */
export function buildBits(segments: readonly Segment[]): { readonly bits: Term } | string {
  const writer = new BitWriter();
  for (const segment of segments) {
    if (segment.text === undefined) {
      const problem = writeSegment(writer, segment);
      if (problem !== undefined) return problem;
    } else {
      // Even an empty string must have a type that its characters could have.
      const problem = checkText(segment);
      if (problem !== undefined) return problem;
      if (writeWholeText(writer, segment)) continue;
      for (const character of segment.text) {
        const wrong = writeSegment(writer, { ...segment, value: character.codePointAt(0) as number });
        if (wrong !== undefined) return wrong;
      }
    }
  }
  return { bits: writer.finish() };
}

function checkText({ size, type }: Segment): string | undefined {
  if (type === 'binary') return 'a string whose type is binary';
  return size === 'default' || typeof size === 'number' ? undefined : NO_SIZE;
}

/** The two ways in which texts are nearly always written; `false` for all the others. */
function writeWholeText(writer: BitWriter, { endian, size, text = '', type, unit }: Segment): boolean {
  if (size !== 'default' || unit !== undefined || (type === undefined && !LATIN1.test(text))) return false;
  if (type !== 'utf8' && (type !== undefined || endian !== undefined)) return false;
  const bytes = Buffer.from(text, type === 'utf8' ? 'utf8' : 'latin1');
  writer.bits(bytes, bytes.length * 8);
  return true;
}

const LATIN1 = /^[^\u0100-\uffff]*$/;

const NO_SIZE = 'a segment whose size is not a non-negative integer';

function writeSegment(writer: BitWriter, segment: Segment): string | undefined {
  const { value, size, type = 'integer', unit } = segment;
  if (size !== 'default' && !(typeof size === 'number' && Number.isInteger(size) && size >= 0)) return NO_SIZE;
  const isLittle = segment.endian === 'little' || (segment.endian === 'native' && IS_LITTLE_ENDIAN);
  if (type === 'utf8' || type === 'utf16' || type === 'utf32') {
    if (size !== 'default' || unit !== undefined) return `a size or unit for ${type}, which has its own`;
    return writeCharacter(writer, value, type, isLittle);
  }
  if (type === 'binary') return writeBinary(writer, value, size, unit ?? 8);
  if (size === 'default' && unit !== undefined) return 'a unit without a size';
  const bits = size === 'default' ? (type === 'float' ? 64 : 8) : size * (unit ?? 1);
  if (type === 'float') return writeFloat(writer, value, bits, isLittle);
  if (!isInteger(value)) return 'a segment of type integer that is no integer';
  if (bits === 8 && typeof value === 'number') writer.bits(Uint8Array.of(value & 0xff), 8);
  else writer.integer(BigInt(value), bits, isLittle);
  return undefined;
}

function isInteger(value: Term): value is number | bigint {
  return typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value));
}

function writeBinary(writer: BitWriter, value: Term, size: number | 'default', unit: number): string | undefined {
  const bytes =
    typeof value === 'string' ? Buffer.from(value, 'utf8') : value instanceof BitString ? value.bytes : value;
  if (!(bytes instanceof Uint8Array)) return 'a segment of type binary that is no binary';
  const available = value instanceof BitString ? value.bitLength : bytes.length * 8;
  const bits = size === 'default' ? available : size * unit;
  if (size === 'default' && available % unit !== 0) return `a binary whose length is not a multiple of ${unit} bits`;
  if (bits > available) return 'a binary that is shorter than its size';
  writer.bits(bytes, bits);
  return undefined;
}

function writeFloat(writer: BitWriter, value: Term, bits: number, isLittle: boolean): string | undefined {
  const number = value instanceof Float ? value.value : typeof value === 'bigint' ? Number(value) : value;
  if (typeof number !== 'number') return 'a segment of type float that is no number';
  const bytes = Buffer.alloc(8);
  if (bits === 64) bytes.writeDoubleBE(number);
  else if (bits === 32) bytes.writeFloatBE(number);
  else if (bits === 16) bytes.writeUInt16BE(halfPrecision(number));
  else return 'a float of a size that is not 16, 32 or 64 bits';
  const exponent = bits === 64 ? 0x7ff0 : bits === 32 ? 0x7f80 : 0x7c00;
  if ((bytes.readUInt16BE(0) & exponent) === exponent) return 'a float that does not fit into its size';
  const used = bytes.subarray(0, bits / 8);
  writer.bits(isLittle ? used.toReversed() : used, bits);
  return undefined;
}

/** IEEE 754 binary16, rounded to nearest, ties to even. */
function halfPrecision(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  // Below 2^-14 halves are multiples of 2^-24, above they have ten bits after the first.
  const exponent = Math.max(-14, Math.floor(Math.log2(size)));
  if (exponent > 15) return sign | 0x7c00;
  const steps = roundHalfEven(size / 2 ** (exponent - 10));
  // The hidden bit, and a carry out of the fraction, count the exponent up by themselves.
  return sign | (size === 0 ? 0 : ((exponent + 14) << 10) + steps);
}

function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}

function writeCharacter(
  writer: BitWriter,
  value: Term,
  type: 'utf8' | 'utf16' | 'utf32',
  isLittle: boolean,
): string | undefined {
  if (!isInteger(value) || value < 0 || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) {
    return `a segment of type ${type} that is no character`;
  }
  const code = Number(value);
  const text = String.fromCodePoint(code);
  if (type === 'utf32') writer.integer(BigInt(code), 32, isLittle);
  else if (type === 'utf8') writer.bits(Buffer.from(text, 'utf8'), Buffer.byteLength(text, 'utf8') * 8);
  else for (let i = 0; i < text.length; i++) writer.integer(BigInt(text.charCodeAt(i)), 16, isLittle);
  return undefined;
}

const IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Collects bits, the most significant first. */
class BitWriter {
  #bytes = Buffer.alloc(64);
  #length = 0;

  /** The lowest `bits` bits of a number; when little-endian, its bytes from the lowest on, a partial byte last. */
  integer(value: bigint, bits: number, isLittle: boolean): void {
    this.#reserve(bits);
    const rest = bits % 8;
    // Big-endian bytes of the number, from the first bit on.
    const hex = (BigInt.asUintN(bits, value) << BigInt(isLittle || rest === 0 ? 0 : 8 - rest)).toString(16);
    const bytes = Buffer.from(hex.padStart(Math.ceil(bits / 8) * 2, '0'), 'hex');
    if (isLittle) {
      bytes.reverse();
      const last = bytes.length - 1;
      if (rest !== 0) bytes[last] = ((bytes[last] as number) << (8 - rest)) & 0xff;
    }
    this.bits(bytes, bits);
  }

  /** The first `bits` bits of `bytes`. */
  bits(bytes: Uint8Array, bits: number): void {
    this.#reserve(bits);
    const shift = this.#length % 8;
    let at = this.#length >>> 3;
    const count = Math.ceil(bits / 8);
    for (let i = 0; i < count; i++, at++) {
      let byte = bytes[i] as number;
      if (i === count - 1 && bits % 8 !== 0) byte &= 0xff << (8 - (bits % 8));
      this.#bytes[at] = (this.#bytes[at] as number) | (byte >>> shift);
      if (shift !== 0) this.#bytes[at + 1] = (byte << (8 - shift)) & 0xff;
    }
    this.#length += bits;
  }

  finish(): Term {
    const bytes = this.#bytes.subarray(0, Math.ceil(this.#length / 8));
    const lastBits = this.#length % 8;
    return lastBits === 0 ? Buffer.from(bytes) : new BitString(Buffer.from(bytes), lastBits);
  }

  /** Room for so many more bits and the byte that a shifted last one spills into. */
  #reserve(bits: number): void {
    const all = this.#length + bits;
    if (!(all <= MAX_BITS)) throw new LimitError('term_too_large', 'bits of a binary in Erlang text', MAX_BITS, all);
    const needed = Math.ceil(all / 8) + 1;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.alloc(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger);
    this.#bytes = larger;
  }
}
