// Keys of maps that are made to be slow: nested in each other, as many and as long as the format allows. All of these took
// minutes where keys are compared with each other, or trusted to a hash that whoever sends them can know.
import { describe, expect, test } from 'vitest';
import { decode, encode } from '../../src/etf/index.js';
import { compare, equals } from '../../src/term/compare.js';
import { format } from '../../src/term/format.js';
import { parse } from '../../src/term/parse.js';
import type { Term } from '../../src/term/term.js';
import { tuple } from '../../src/term/tuple.js';

function nest(levels: number, wrap: (inner: Term) => Term): Term {
  let term: Term = [];
  for (let i = 0; i < levels; i++) term = wrap(term);
  return term;
}

describe('5,000 maps, each the key of the next', () => {
  test.each<[string, (inner: Term) => Term]>([
    ['alone', (inner) => new Map([[inner, 1]])],
    [
      'beside a tuple',
      (inner) =>
        new Map<Term, Term>([
          [inner, 1],
          [tuple(1), 2],
        ]),
    ],
    [
      'beside a map of the same size',
      (inner) =>
        new Map<Term, Term>([
          [inner, 1],
          [
            new Map([
              [1, 1],
              [2, 2],
            ]),
            2,
          ],
        ]),
    ],
    [
      'in a list, beside another',
      (inner) =>
        new Map<Term, Term>([
          [[inner], 1],
          [[new Map([[1, 1]])], 2],
        ]),
    ],
  ])('%s', (_name, wrap) => {
    const one = nest(5000, wrap);
    const other = nest(5000, wrap);
    const plain = encode(one);
    expect(encode(one, { deterministic: true }).length).toBe(plain.length);
    const again = decode(plain, { floats: 'exact' });
    expect(encode(again).equals(plain)).toBe(true);
    expect(compare(one, other)).toBe(0);
    expect(equals(again, other)).toBe(true);
    expect(equals(parse(format(one)), one)).toBe(true);
  });
});

/** A map of `count` keys, which `write` writes after their tag. */
function mapOf(count: number, keySize: number, write: (key: Buffer, index: number) => void): Buffer {
  const all = Buffer.alloc(6 + count * (keySize + 1));
  all.set([131, 116]);
  all.writeUInt32BE(count, 2);
  for (let i = 0, at = 6; i < count; i++, at += keySize + 1) {
    write(all.subarray(at, at + keySize), i);
    all[at + keySize] = 106;
  }
  return all;
}

/** Binaries of one length and one beginning. */
function longKeys(count: number, size: number): Buffer {
  return mapOf(count, 5 + size, (key, i) => {
    key.fill(97);
    key[0] = 109;
    key.writeUInt32BE(size, 1);
    key.write(String(i).padStart(8, '0'), key.length - 8);
  });
}

describe('2,000 keys of 20,000 bytes each', () => {
  test.each([{}, { binaries: 'string' }, { binaries: 'string', maps: 'object' }] as const)('%o', (options) => {
    const wire = longKeys(2000, 20_000);
    const map = decode(wire, options) as Map<Term, Term>;
    expect(map.size).toBe(2000);
    expect(encode(map).equals(wire)).toBe(true);
    // One of them twice is found all the same.
    wire.copy(wire, 6, 6 + 20_006, 6 + 2 * 20_006);
    expect(() => decode(wire, options)).toThrow('one key twice');
  });

  test('longer ones differ by any byte of theirs', () => {
    const texts = [15_999, 16_000, 31_998, 31_999, 100_000].flatMap((size) => {
      const text = 'a'.repeat(size);
      return [
        text,
        `b${text.slice(1)}`,
        `${text.slice(1)}b`,
        `${text.slice(0, 15_999)}b${text.slice(16_000)}`,
        `${text}>1,2`,
      ];
    });
    const keys = [...new Set(texts)].map((text) => Buffer.from(text));
    expect(encode(new Map(keys.map((key) => [key, 1]))).length).toBeGreaterThan(700_000);
    for (const key of keys) {
      const twice = new Map([...keys.map((it) => [it, 1] as const), [Buffer.from(key), 2]]);
      expect(() => encode(twice)).toThrow('two keys that are one term');
    }
  });
});
