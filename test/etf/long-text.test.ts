// Texts and outputs beyond what is written in one go: UTF-8 in chunks, memory that moves, slabs that are taken up again.
import { describe, expect, test } from 'vitest';
import { decode, encode, encodeInto } from '../../src/etf/index.js';

const CHUNK = 16 * 1024;

/** BINARY_EXT of the text as Node encodes it. */
function wire(text: string): Buffer {
  const body = Buffer.from(text);
  const head = Buffer.from([131, 109, 0, 0, 0, 0]);
  head.writeUInt32BE(body.length, 2);
  return Buffer.concat([head, body]);
}

describe('a long text', () => {
  test('is the same UTF-8 wherever a chunk ends', () => {
    for (const piece of ['é', '語', '😀', 'a😀', 'aé語😀']) {
      for (const around of [1024, CHUNK, 2 * CHUNK, 5 * CHUNK]) {
        for (let shift = -3; shift <= 3; shift++) {
          const text = 'x'.repeat(5) + piece.repeat(Math.ceil(around / piece.length)).slice(0, around + shift);
          if (!text.isWellFormed()) continue;
          expect(encode(text).equals(wire(text))).toBe(true);
        }
      }
    }
  });

  test('of any length is refused for a lone surrogate in any place, and for U+FFFD or its neighbours never', () => {
    for (let size = 0; size < 70; size++) {
      for (let at = 0; at <= size; at += 1 + (size >> 4)) {
        for (const lone of ['\ud83d', '\ude00']) {
          const text = `${'é'.repeat(at)}${lone}${'x'.repeat(size - at)}`;
          expect(() => encode(text)).toThrow('lone surrogate');
        }
        for (const fine of ['\ufffd', '\ufeff', '\uf8ff', '😀', 'ï', '語']) {
          const text = `${'é'.repeat(at)}${fine}${'x'.repeat(size - at)}`;
          expect(encode(text).subarray(6)).toEqual(Buffer.from(text));
        }
      }
    }
  });

  test('is refused for a lone surrogate in any place, and for U+FFFD never', () => {
    for (const at of [0, 1023, CHUNK - 2, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK - 1]) {
      for (const lone of ['\ud83d', '\ude00']) {
        const text = `${'é'.repeat(at)}${lone}${'é'.repeat(3 * CHUNK - at)}`;
        expect(() => encode(text)).toThrow('lone surrogate');
        expect(() => encode({ key: [text] })).toThrow('lone surrogate');
      }
      const text = `${'é'.repeat(at)}\ufffd${'é'.repeat(3 * CHUNK - at)}`;
      expect(encode(text).equals(wire(text))).toBe(true);
    }
    expect(() => encode(`${'é'.repeat(CHUNK)}\ud83d`)).toThrow('lone surrogate');
  });

  test('is counted against the limit', () => {
    expect(() => encode('é'.repeat(100_000), { limits: { encodedSize: 150_000 } })).toThrow('150000');
  });
});

describe('outputs of all sizes in turn', () => {
  test('never touch each other', () => {
    const kept: { readonly output: Buffer; readonly copy: Buffer }[] = [];
    const target = Buffer.alloc(64 * 1024);
    for (let i = 0; i < 200; i++) {
      const size = [10, 70_000, 300, 60_000, 40_000, 200_000, 5][i % 7] as number;
      const output = encode([String.fromCharCode(97 + (i % 26)).repeat(size), i]);
      kept.push({ output, copy: Buffer.from(output) });
      // Memory that is not the encoder's own, of a slab's size, and too small half of the time.
      try {
        encodeInto(target, 0, ['z'.repeat(size)]);
      } catch {
        expect(size).toBeGreaterThan(60_000);
      }
      if (i % 5 === 0) expect(() => encode(['y'.repeat(size), NaN])).toThrow();
    }
    for (const { output, copy } of kept) expect(output.equals(copy)).toBe(true);
    target.fill(0);
    for (const { output, copy } of kept) expect(output.equals(copy)).toBe(true);
    expect(decode(kept[1]?.output as Buffer, { binaries: 'string' })).toEqual(['b'.repeat(70_000), 1]);
  });
});
