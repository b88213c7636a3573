// The texts inside Erlang's text: strings, binaries and floats as io_lib_pretty writes them, and the bounded output.
import { Buffer, isAscii, isUtf8 } from 'node:buffer';
import { LimitError } from '../errors.js';
import { escapeText } from './atom.js';
import { BitString } from './bitstring.js';
import type { Term } from './term.js';

/** Which characters make a list of numbers or a binary a text: OTP's `+pc`. */
export type Printable = 'latin1' | 'unicode';

export interface TextStyle {
  /** `~tp` rather than `~p`. */
  readonly isUnicode: boolean;
  readonly printable: Printable;
}

/** V8's longest string, minus room for a few more characters. */
const LONGEST = 2 ** 29 - 1024;
const DOTS = '...';

/** Text that grows up to a limit. */
export class FormatBuffer {
  readonly #limit: number;
  #text = '';

  constructor(limit: number = Number.POSITIVE_INFINITY) {
    this.#limit = Math.max(0, limit);
  }

  /** Characters that may still be worth adding; one more than fit, so that "too long" is seen. */
  get room(): number {
    return Math.min(this.#limit, LONGEST) - this.#text.length + 1;
  }

  get isFull(): boolean {
    return this.#text.length > this.#limit;
  }

  /** Before a long text is made: throws when it would be longer than any string. */
  announce(length: number): void {
    const all = this.#text.length + length;
    if (all > LONGEST && this.#limit > LONGEST) {
      throw new LimitError('term_too_large', 'characters of a term as text', LONGEST, all);
    }
  }

  add(text: string): void {
    if (this.isFull) return;
    this.announce(text.length);
    this.#text += text.length > this.room ? text.slice(0, this.room) : text;
  }

  finish(): string {
    if (!this.isFull) return this.#text;
    let end = Math.max(0, this.#limit - DOTS.length);
    if (isHighSurrogate(this.#text.charCodeAt(end - 1))) end--;
    return this.#text.slice(0, end) + DOTS.slice(0, this.#limit);
  }
}

function isHighSurrogate(unit: number): boolean {
  return (unit & 0xfc00) === 0xd800;
}

/** Escaped and between double quotes; of a long text only what can be shown is escaped. */
function addQuoted(text: string, out: FormatBuffer): void {
  out.add(`"${escapeText(text.length > out.room ? text.slice(0, out.room) : text, '"')}"`);
}

/** A list of characters as `"text"`; `false`, and nothing added, when it is no text. */
export function formatList(list: readonly Term[], { isUnicode, printable }: TextStyle, out: FormatBuffer): boolean {
  const range = isUnicode ? printable : 'latin1';
  for (const code of list) {
    if (!(typeof code === 'number' || typeof code === 'bigint') || !isPrintable(Number(code), range)) return false;
  }
  let text = '';
  for (let i = 0; i < list.length && text.length < out.room; i++) text += String.fromCodePoint(Number(list[i]));
  addQuoted(text, out);
  return true;
}

/** io_lib's idea of a character that can be shown. */
function isPrintable(code: number, range: Printable): boolean {
  if (!Number.isInteger(code)) return false;
  if (code < 0x7f) return code >= 0x20 || (code >= 8 && code <= 13) || code === 27;
  if (code < 0xa0) return false;
  if (range === 'latin1') return code <= 0xff;
  return code < 0xd800 || (code > 0xdfff && code < 0xfffe) || (code > 0xffff && code <= 0x10ffff);
}

/** Bytes shown per level of `~P`'s depth. */
const BYTES_PER_DEPTH = 4;

/** `<<"text">>`, `<<"text"/utf8>>` or `<<1,2,3:4>>`. */
export function formatBits(
  bits: string | Uint8Array | BitString,
  depth: number,
  style: TextStyle,
  out: FormatBuffer,
): void {
  const bytes = bits instanceof BitString ? bits.bytes : typeof bits === 'string' ? Buffer.from(bits, 'utf8') : bits;
  if (bytes.length === 0) out.add('<<>>');
  else if (depth === 1) out.add('<<...>>');
  else if (bits instanceof BitString) addNumbers(bytes, bits.lastBits, depth, out);
  else if (bytes.length > LONGEST || !addText(bytes, depth - 1, style, out)) addNumbers(bytes, 8, depth, out);
}

function addText(bytes: Uint8Array, depth: number, { isUnicode, printable }: TextStyle, out: FormatBuffer): boolean {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const most = Math.min(BYTES_PER_DEPTH * depth, bytes.length);
  // Like OTP: only what the depth lets show needs to be UTF-8.
  const looked = buffer.subarray(0, bytesOfCharacters(buffer, most));
  const isUtf8Text = isUnicode && !isAscii(looked) && isUtf8(looked);
  const { end, text } = isUtf8Text ? printableUtf8(looked, most, printable) : printableLatin1(buffer, most, out.room);
  const isWhole = end === bytes.length;
  const characters = isUtf8Text ? [...text].length : end;
  if (!isWhole && characters < Math.min(depth, most)) return false;
  out.add('<<');
  addQuoted(text, out);
  out.add(`${characters === end ? '' : '/utf8'}${isWhole ? '' : DOTS}>>`);
  return true;
}

/** How many bytes the first characters take, if they are UTF-8. */
function bytesOfCharacters(buffer: Buffer, characters: number): number {
  if (characters >= buffer.length) return buffer.length;
  let end = 0;
  for (let i = 0; i < characters && end < buffer.length; i++) {
    const first = buffer[end] as number;
    end += first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  }
  return end;
}

/** The printable beginning, at most so many bytes of it; as text only what there is room for. */
function printableLatin1(buffer: Buffer, most: number, room: number): { readonly end: number; readonly text: string } {
  let end = 0;
  while (end < most && isPrintable(buffer[end] as number, 'latin1')) end++;
  return { end, text: buffer.toString('latin1', 0, Math.min(end, room)) };
}

/** The printable beginning, at most so many characters of it; `end` in bytes. */
function printableUtf8(
  buffer: Buffer,
  most: number,
  range: Printable,
): { readonly end: number; readonly text: string } {
  const text = buffer.toString('utf8');
  let units = 0;
  for (let characters = 0; characters < most && units < text.length; characters++) {
    const code = text.codePointAt(units) as number;
    if (!isPrintable(code, range)) break;
    units += code > 0xffff ? 2 : 1;
  }
  const shown = text.slice(0, units);
  return { end: units === text.length ? buffer.length : Buffer.byteLength(shown, 'utf8'), text: shown };
}

function addNumbers(bytes: Uint8Array, lastBits: number, depth: number, out: FormatBuffer): void {
  const shown = Math.min(bytes.length, depth - 1);
  const whole = lastBits === 8 || shown < bytes.length ? shown : shown - 1;
  out.announce(shown * 2);
  out.add('<<');
  // In pieces: neither one string per byte in a row, nor one array of them all.
  const piece = Math.min(PIECE, out.room);
  for (let at = 0; at < whole && !out.isFull; at += piece) {
    out.add(`${at === 0 ? '' : ','}${bytes.subarray(at, Math.min(at + piece, whole)).join(',')}`);
  }
  if (shown < bytes.length) out.add(`,${DOTS}>>`);
  else if (lastBits === 8) out.add('>>');
  else out.add(`${whole === 0 ? '' : ','}${(bytes[whole] as number) >>> (8 - lastBits)}:${lastBits}>>`);
}

const PIECE = 4096;

/** The shortest text that reads back as the same float, decimal or scientific, whichever is shorter (OTP 25 on). */
export function formatFloat(value: number): string {
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const sign = value < 0 ? '-' : '';
  const [mantissa = '', exponentText] = Math.abs(value).toExponential().split('e');
  const digits = mantissa.replace('.', '');
  const exponent = Number(exponentText);
  const scientific = `${digits.charAt(0)}.${digits.slice(1) || '0'}e${exponent}`;
  // From 2^53 on, digits before the point would claim more than a float can tell.
  if (Math.abs(value) >= 2 ** 53) return sign + scientific;
  const decimal =
    exponent < 0
      ? `0.${'0'.repeat(-exponent - 1)}${digits}`
      : `${digits.slice(0, exponent + 1).padEnd(exponent + 1, '0')}.${digits.slice(exponent + 1) || '0'}`;
  return sign + (decimal.length <= scientific.length ? decimal : scientific);
}
