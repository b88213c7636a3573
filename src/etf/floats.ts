// Floats: NEW_FLOAT_EXT and, from old peers and for minorVersion 0, FLOAT_EXT (protocol section 5.1).
// Erlang has no NaN and no infinities: neither goes out or comes in.
import { Float } from '../term/float.js';
import type { Sink } from './sink.js';
import type { Source } from './source.js';
import { FLOAT_EXT, NEW_FLOAT_EXT } from './tags.js';

/** Characters of a FLOAT_EXT, padded with NUL. */
const TEXT_SIZE = 31;

/** A finite number. */
export function writeFloat(sink: Sink, value: number, pos: number): number {
  pos = sink.room(pos, 9);
  sink.view.setUint8(pos, NEW_FLOAT_EXT);
  sink.view.setFloat64(pos + 1, value);
  return pos + 9;
}

/** As C's `%.20e` writes it. */
export function writeFloatText(sink: Sink, value: number, pos: number): number {
  pos = sink.room(pos, 1 + TEXT_SIZE);
  const [mantissa = '', exponent = ''] = (
    Object.is(value, -0) ? '-0.00000000000000000000e+0' : value.toExponential(20)
  ).split('e');
  const text = `${mantissa}e${exponent.charAt(0)}${exponent.slice(1).padStart(2, '0')}`;
  sink.view.setUint8(pos, FLOAT_EXT);
  sink.buffer.fill(0, pos + 1, pos + 1 + TEXT_SIZE);
  sink.buffer.latin1Write(text, pos + 1, TEXT_SIZE);
  return pos + 1 + TEXT_SIZE;
}

/** After the tag NEW_FLOAT_EXT. */
export function readFloat(source: Source): number {
  const at = source.skip(8, 'NEW_FLOAT_EXT');
  const value = source.view.getFloat64(at);
  // Infinity - Infinity and NaN - NaN are NaN; everything finite gives 0.
  if (value - value !== 0) throw source.error('bad_float', `expected a finite float, got ${value}`, at);
  return value;
}

// OTP reads a comma for a point, whatever the locale.
const TEXT = /^[+-]?\d+[.,]\d+(?:[eE][+-]?\d+)?$/;

/** After the tag FLOAT_EXT. */
export function readFloatText(source: Source): number {
  const at = source.skip(TEXT_SIZE, 'FLOAT_EXT');
  const text = source.bytes.latin1Slice(at, at + TEXT_SIZE);
  const end = text.indexOf('\0');
  // Without an end, OTP reads whatever is behind it.
  const number = end < 0 ? '' : text.slice(0, end);
  const value = TEXT.test(number) ? Number(number.replace(',', '.')) : Number.NaN;
  if (value - value !== 0) throw source.error('bad_float', 'expected the text of a finite float in FLOAT_EXT', at);
  return value;
}

/** What a float becomes: a number, or a {@link Float} where the difference to an integer must survive. */
export function floatTerm(source: Source, value: number): number | Float {
  if (source.exactFloats || (source.inKey && Math.trunc(value) === value)) return new Float(value);
  return value;
}
