// Bitstrings: whole bytes are binaries, unused bits are zero, and nobody else holds the bytes.
import { expect, test } from 'vitest';
import { ArgumentError } from '../../src/errors.js';
import { BitString, bitstring } from '../../src/term/bitstring.js';

test('the first bits of some bytes', () => {
  const made = bitstring(Buffer.from([255, 255]), 11) as BitString;
  expect(made).toBeInstanceOf(BitString);
  expect([...made.bytes]).toEqual([255, 0b1110_0000]);
  expect([made.lastBits, made.bitLength]).toEqual([3, 11]);
});

test('whole bytes are a binary', () => {
  expect(bitstring(Buffer.from([1, 2]), 8)).toEqual(Buffer.from([1]));
  expect((bitstring(new Uint8Array([1, 2]), 0) as Uint8Array).length).toBe(0);
});

test('the bytes are a copy', () => {
  const source = Buffer.from([255]);
  const made = bitstring(source, 7) as BitString;
  source[0] = 0;
  expect(made.bytes[0]).toBe(254);
});

test.each([-1, 9, 1.5, Number.NaN])('%d bits of one byte are refused', (length) => {
  expect(() => bitstring(new Uint8Array(1), length)).toThrow(ArgumentError);
});
