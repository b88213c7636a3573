// The leaves that terms have most of: small integers, short texts and binaries, atoms. They are written without asking
// for room: a caller of these has made sure of the sink's slack, and a key of an object has taken only a part of it.

import type { Atom } from '../term/atom.js';
import { FALSE, NIL, TRUE, writeWire } from './atoms.js';
import { writeString } from './binaries.js';
import type { Sink } from './sink.js';
import * as tags from './tags.js';
import type { Writer } from './write-leaf.js';

// V8 treats a constant of this module as one, an imported one as a variable.
const BINARY_EXT = tags.BINARY_EXT;
const INTEGER_EXT = tags.INTEGER_EXT;
const SMALL_INTEGER_HEAD = tags.SMALL_INTEGER_EXT << 8;

/** Strings up to this length are copied here, four characters at a time; beyond it, the way into C++ is worth it. */
const SHORT_TEXT = 40;

/** A 32-bit integer. */
export function writeInt32(view: DataView, value: number, pos: number): number {
  if ((value & 255) === value) {
    view.setUint16(pos, SMALL_INTEGER_HEAD | value);
    return pos + 2;
  }
  view.setUint8(pos, INTEGER_EXT);
  view.setInt32(pos + 1, value);
  return pos + 5;
}

export function atom(writer: Writer, value: Atom, pos: number): number {
  const { wire } = value;
  if (wire === undefined || !writer.plainAtoms) return writer.atom(value, pos);
  const { size } = wire;
  if (size > 12) return writeWire(writer.sink, wire, pos);
  const { view } = writer.sink;
  view.setInt32(pos, wire.word0);
  view.setInt32(pos + 4, wire.word1);
  view.setInt32(pos + 8, wire.word2);
  return pos + size;
}

/** The atoms true, false and nil, whose bytes are few enough to be numbers. */
export function writeWord(writer: Writer, value: boolean | null, pos: number): number {
  if (!writer.plainAtoms) return writer.atom(value === null ? NIL : value ? TRUE : FALSE, pos);
  const { view } = writer.sink;
  if (value === null) {
    view.setUint32(pos, 0x77_03_6e_69);
    view.setUint8(pos + 4, 0x6c);
    return pos + 5;
  }
  view.setUint32(pos, value ? 0x77_04_74_72 : 0x77_05_66_61);
  view.setUint32(pos + 4, value ? 0x75_65_00_00 : 0x6c_73_65_00);
  return value ? pos + 6 : pos + 7;
}

/** A string of any length; -1 for a lone surrogate. */
export function writeText(sink: Sink, text: string, pos: number): number {
  const { length } = text;
  if (length <= SHORT_TEXT) {
    const { buffer, view } = sink;
    let at = pos + 5;
    let bits = 0;
    let i = 0;
    for (; i + 4 <= length && bits <= 127; i += 4, at += 4) {
      const first = text.charCodeAt(i);
      const second = text.charCodeAt(i + 1);
      const third = text.charCodeAt(i + 2);
      const fourth = text.charCodeAt(i + 3);
      bits |= first | second | third | fourth;
      view.setInt32(at, (first << 24) | (second << 16) | (third << 8) | fourth);
    }
    for (; i < length && bits <= 127; i++, at++) {
      const unit = text.charCodeAt(i);
      bits |= unit;
      buffer[at] = unit;
    }
    if (bits <= 127) {
      view.setUint8(pos, BINARY_EXT);
      view.setUint32(pos + 1, length);
      return at;
    }
  }
  return writeString(sink, text, pos);
}

export function writeShortBytes(sink: Sink, bytes: Uint8Array, pos: number): number {
  const { length } = bytes;
  sink.view.setUint8(pos, BINARY_EXT);
  sink.view.setUint32(pos + 1, length);
  pos += 5;
  const { buffer } = sink;
  for (let i = 0; i < length; i++) buffer[pos + i] = bytes[i] as number;
  return pos + length;
}
