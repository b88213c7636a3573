// Keys of maps that are made to be slow: nested in each other, as many and as long as the format allows. All of these took
// minutes where keys are compared with each other, or trusted to a hash that whoever sends them can know.
import { describe, expect, test } from 'vitest';
import { decode, encode } from '../../src/etf/index.js';
import { hashOf, KeyLoad } from '../../src/etf/key-load.js';
import { Source } from '../../src/etf/source.js';
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

const ALL = 2n ** 64n - 1n;

/** The number that V8 hashes to `hash`, by its own steps backwards. */
function unhash(hash: bigint): bigint {
  const unshift = (value: bigint, by: number) => {
    let made = value;
    for (let i = by; i < 64; i += by) made = value ^ (made >> BigInt(by));
    return made & ALL;
  };
  const divide = (value: bigint, by: bigint) => {
    let inverse = 1n;
    for (let i = 0; i < 6; i++) inverse = (inverse * (2n - by * inverse)) & ALL;
    return (value * inverse) & ALL;
  };
  const before = unshift(divide(unshift(divide(unshift(hash, 22), 65n), 11), 21n), 31);
  return divide((before + 1n) & ALL, (1n << 18n) - 1n);
}

/** Floats whose hashes agree in their lowest bits: in all of them, unless told otherwise. */
function* floatsOfOneHash(same = 0x3fff_ffffn): Generator<bigint> {
  for (let seed = 1n; ; seed = (seed * 6364136223846793005n + 1n) & ALL) {
    const bits = unhash((seed & ~same) | 0x155n);
    if (((bits >> 52n) & 0x7ffn) < 1000n) yield bits;
  }
}

describe('numbers that V8 hashes alike', () => {
  const floats = floatsOfOneHash();
  const kinds: Record<string, (count: number) => Buffer> = {
    // Only the lowest 64 bits of a bigint count.
    integers: (count) =>
      mapOf(count, 15, (key, i) => {
        key.set([110, 12, i % 2]);
        key.writeUInt32LE(i + 1, 11);
      }),
    floats: (count) =>
      mapOf(count, 9, (key) => {
        key[0] = 70;
        key.writeBigUInt64BE(floats.next().value as bigint, 1);
      }),
  };

  test.each(Object.entries(kinds))('%s: a few thousand decode, more are over a limit', (_name, wire) => {
    for (const options of [{}, { maps: 'object' }] as const) {
      expect((decode(wire(5000), options) as Map<Term, Term>).size).toBe(5000);
      expect(() => decode(wire(50_000), options)).toThrow(
        expect.objectContaining({ code: 'term_too_large', limit: 20_000_000 }),
      );
      expect(() => decode(wire(5000), { ...options, limits: { keySearches: 1_000_000 } })).toThrow('hashes alike');
    }
    // In many maps of one term, too.
    const inner = wire(3000).subarray(1);
    const many = Buffer.concat([Buffer.of(131, 104, 100), ...new Array<Buffer>(100).fill(inner)]);
    expect(() => decode(many)).toThrow('hashes alike');
    expect(decode(Buffer.of(131, 106))).toEqual([]);
  });

  test('that only a small Map cannot tell apart, on its way to a large one', () => {
    const load = new KeyLoad(new Source({}), 2_400_000);
    const alike = floatsOfOneHash(0x7fffn);
    const addMany = () => {
      for (let i = 0; i < 65_536; i++) load.add(floatOf(alike.next().value as bigint));
    };
    expect(addMany).toThrow('hashes alike');
  });

  test('the hash is the one whose steps were taken backwards', () => {
    for (let i = 0; i < 1000; i++) expect(hashOf(floatOf(floats.next().value as bigint))).toBe(0x155);
  });

  test.each<[string, (i: number) => Term]>([
    ['numbers in turn', (i) => i],
    ['negative ones', (i) => -i],
    ['powers', (i) => i * 65_536],
    ['times', (i) => 1_763_700_000_000 + i * 60_000],
    ['halves', (i) => i + 0.5],
    ['tenths', (i) => i / 10 + 0.05],
    ['identifiers of 64 bits', (i) => (BigInt(i) << 22n) + (1n << 62n)],
  ])('others take a step at most: %s', (_name, key) => {
    const map = new Map(Array.from({ length: 30_000 }, (_, i) => [key(i), i]));
    expect(decode(encode(map), { limits: { keySearches: 30_000 } })).toEqual(map);
  });
});

function floatOf(bits: bigint): number {
  return new Float64Array(BigUint64Array.of(bits).buffer)[0] as number;
}
