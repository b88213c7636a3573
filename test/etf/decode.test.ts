// decode(): the table of fixtures, the options, the limits, and what hostile bytes may cost.
import { constants } from 'node:buffer';
import { deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { DecodeError, LimitError } from '../../src/errors.js';
import { Decoder } from '../../src/etf/decode.js';
import { decode, decodeFirst, encode } from '../../src/etf/index.js';
import { atom, internAtom } from '../../src/term/atom.js';
import { type Float, float } from '../../src/term/float.js';
import type { Term } from '../../src/term/term.js';
import { Tuple, tuple, tupleFrom } from '../../src/term/tuple.js';
import { accepted, bytes, canonical, refused } from '../fixtures/etf.js';

function failure(run: () => unknown): DecodeError | LimitError {
  try {
    run();
  } catch (error) {
    if (error instanceof DecodeError || error instanceof LimitError) return error;
    throw error;
  }
  throw new RangeError('nothing was thrown');
}

describe('the table', () => {
  test.each(canonical)('%s', (_name, hex, term) => {
    expect(decode(bytes(hex), { floats: 'exact' })).toStrictEqual(term);
  });
  test.each(accepted)('%s', (_name, hex, term) => {
    expect(decode(bytes(hex), { floats: 'exact' })).toStrictEqual(term);
  });
  test.each(refused)('refuses %s', (_name, hex, code) => {
    const error = failure(() => decode(bytes(hex)));
    expect(error.code).toBe(code);
    // The same decoder goes on.
    expect(decode(bytes('83 6a'))).toEqual([]);
  });
  test.each(canonical)('every truncation of %s', (_name, hex) => {
    const whole = bytes(hex);
    for (let size = 0; size < whole.length; size++) {
      const error = failure(() => decode(whole.subarray(0, size)));
      expect(error.code).toBe('truncated');
      expect((error as DecodeError).offset).toBeLessThanOrEqual(size);
    }
  });
  test.each(canonical)('%s in the middle of a packet', (_name, hex, term) => {
    const packet = Buffer.concat([Buffer.of(1, 2, 3), bytes(hex).subarray(1), Buffer.of(9)]);
    const decoder = new Decoder({ floats: 'exact' });
    expect(decoder.term(packet, 3)).toStrictEqual(term);
    expect(decoder.end).toBe(packet.length - 1);
    expect(decoder.term(packet.subarray(3), 0)).toStrictEqual(term);
    expect(decoder.end).toBe(packet.length - 4);
  });
});

describe('options', () => {
  test('floats', () => {
    const whole = bytes('83 46 3ff0000000000000');
    expect(decode(whole)).toBe(1);
    expect(decode(whole, { floats: 'exact' })).toEqual(float(1));
    expect(decode(bytes('83 46 3ff8000000000000'))).toBe(1.5);
  });

  test('whole floats stay floats in keys, however deep', () => {
    const map = decode(
      bytes('83 74 00000003 46 3ff0000000000000 46 3ff0000000000000 61 01 6a 68 01 46 4000000000000000 6a'),
    );
    const keys = [...(map as Map<Term, Term>).keys()];
    expect(keys).toEqual([float(1), 1, tuple(float(2))]);
    expect((map as Map<Term, Term>).get(keys[0])).toBe(1);
    const zeros = decode(bytes('83 74 00000002 46 0000000000000000 6a 46 8000000000000000 6a')) as Map<Float, Term>;
    expect([...zeros.keys()].map(({ value }) => value)).toEqual([0, -0]);
  });

  test('binaries', () => {
    expect(decode(bytes("83 6d 00000003 'abc'"))).toEqual(Buffer.from('abc'));
    expect(decode(bytes("83 6d 00000003 'abc'"), { binaries: 'string' })).toBe('abc');
    expect(decode(bytes('83 6d 00000002 c3a9'), { binaries: 'string' })).toBe('é');
    expect(decode(bytes('83 6d 00000003 efbbbf'), { binaries: 'string' })).toBe('\ufeff');
    for (const bad of ['c3', 'ff', 'c080', 'eda080', 'f4908080', '61e282']) {
      const raw = bytes(bad);
      const wrapped = Buffer.concat([bytes(`83 6d 000000${raw.length.toString(16).padStart(2, '0')}`), raw]);
      expect(decode(wrapped, { binaries: 'string' })).toEqual(raw);
    }
  });

  test('a small binary is a copy, a large one a view, and copyBinaries copies all', () => {
    const frame = encode([Buffer.alloc(10, 1), Buffer.alloc(200_000, 2)] as Term);
    const [small, large] = decode(frame) as [Buffer, Buffer];
    expect(small.buffer).not.toBe(frame.buffer);
    expect(large.buffer).toBe(frame.buffer);
    const [own, copy] = decode(frame, { copyBinaries: true }) as [Buffer, Buffer];
    expect(copy.buffer).not.toBe(frame.buffer);
    expect(copy).toEqual(large);
    // Memory of its own can be handed to a worker: nobody else's bytes are in it.
    expect([own.buffer.byteLength, copy.buffer.byteLength]).toEqual([10, 200_000]);
  });

  test('a binary that is longer than any string stays one', () => {
    const size = constants.MAX_STRING_LENGTH + 1;
    const asKey = Buffer.alloc(6 + 5 + size + 1);
    asKey.set([131, 116, 0, 0, 0, 1, 109]);
    asKey.writeUInt32BE(size, 7);
    asKey[asKey.length - 1] = 106;
    const map = decode(asKey, { binaries: 'string', maps: 'object' }) as ReadonlyMap<Term, Term>;
    expect([...map.keys()].map((key) => (key as Buffer).length)).toEqual([size]);
  });

  test('maps', () => {
    const options = { maps: 'object' } as const;
    const text = (map: Term) => decode(encode(map), options);
    const plain = text({ a: 1, constructor: 3, true: 4, nil: 5, ['__proto__']: 6 });
    expect(Object.getPrototypeOf(plain)).toBe(null);
    expect(Object.entries(plain as object)).toEqual([
      ['a', 1],
      ['constructor', 3],
      ['true', 4],
      ['nil', 5],
      ['__proto__', 6],
    ]);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect(text(new Map([['k', 1]]))).toEqual(Object.assign(Object.create(null), { k: 1 }));
    // Atom and binary of one text, other keys, keys that are no UTF-8: a Map.
    expect(
      text(
        new Map<Term, Term>([
          [atom('a'), 1],
          ['a', 2],
        ]),
      ),
    ).toBeInstanceOf(Map);
    expect(text(new Map<Term, Term>([[1, 2]]))).toBeInstanceOf(Map);
    expect(text(new Map<Term, Term>([[Buffer.of(255), 2]]))).toBeInstanceOf(Map);
    expect(
      text(
        new Map<Term, Term>([
          [atom('b'), 1],
          [[], { a: 1 }],
        ]),
      ),
    ).toBeInstanceOf(Map);
    // Maps in keys are Maps, so that an atom key and a binary key of one text differ.
    const keys = [
      ...(
        text(
          new Map<Term, Term>([
            [new Map([['a', 1]]), 1],
            [{ a: 1 }, 2],
          ]),
        ) as Map<Term, Term>
      ).keys(),
    ];
    expect(keys.map((key) => key instanceof Map)).toEqual([true, true]);
  });

  test('safe', () => {
    const unknown = 'never_seen_before_this_line';
    const wire = Buffer.concat([bytes('83 77 1b'), Buffer.from(unknown)]);
    expect(failure(() => decode(wire, { safe: true })).code).toBe('unknown_atom');
    expect(failure(() => decode(wire, { safe: true })).code).toBe('unknown_atom');
    const known = internAtom(unknown);
    expect(decode(wire, { safe: true })).toBe(known);
  });

  test('allowTrailing, and how many bytes were used', () => {
    const wire = bytes('83 61 01 83 61 02');
    expect(failure(() => decode(wire))).toMatchObject({ code: 'trailing_bytes', offset: 3 });
    expect(decode(wire, { allowTrailing: true })).toBe(1);
    expect(decodeFirst(wire)).toEqual({ term: 1, used: 3 });
    const packed = Buffer.concat([encode('a'.repeat(1000), { compressed: true }), Buffer.from('rest')]);
    expect(packed[1]).toBe(80);
    expect(decodeFirst(packed).used).toBe(packed.length - 4);
    expect(failure(() => decode(packed)).code).toBe('trailing_bytes');
  });

  test('an atom cache', () => {
    const decoder = new Decoder();
    const atoms = [internAtom('n'), internAtom('true')];
    expect(decoder.term(bytes('68 02 52 01 58 52 00 00000001 00000002 00000003'), 0, atoms)).toMatchObject({
      elements: [true, { nodeAtom: atoms[0], id: 1 }],
    });
    expect(failure(() => decoder.term(bytes('52 02'), 0, atoms)).code).toBe('bad_atom');
    expect(failure(() => decoder.term(bytes('52 00'), 0)).code).toBe('bad_tag');
    expect(failure(() => decoder.term(bytes('50 00000001'), 0)).code).toBe('bad_tag');
  });
});

describe('errors say what was expected, what came and where', () => {
  test.each([
    ['83 68 02 61 01 58 61 00', 'expected an atom for the node of a pid, got tag 97 (SMALL_INTEGER_EXT) (at byte 6)'],
    ['83 6d 00000005 00', 'expected 5 bytes of a binary, only 1 are left (at byte 6)'],
    ['83 68 01 01', 'expected a term, got tag 1 (at byte 3)'],
    [
      '83 4d 00000001 09 00',
      'expected a BIT_BINARY_EXT with 1 to 8 bits in its last byte, got 1 bytes and 9 bits (at byte 1)',
    ],
  ])('%s', (hex, message) => {
    expect(failure(() => decode(bytes(hex))).message).toBe(message);
  });
});

describe('cost', () => {
  const deep = (levels: number, open: string, end: string, close = '') =>
    Buffer.concat([
      bytes('83'),
      Buffer.from(bytes(open).toString('latin1').repeat(levels), 'latin1'),
      bytes(end),
      Buffer.from(bytes(close).toString('latin1').repeat(levels), 'latin1'),
    ]);

  test.each([
    ['tuples', '68 01', '6a', ''],
    ['lists', '6c 00000001', '6a', '6a'],
    ['tails', '6c 00000001 6a', '6a', ''],
    ['empty lists', '6c 00000000', '6a', ''],
    ['map values', '74 00000001 61 01', '6a', ''],
    ['map keys', '74 00000001', '6a', '6a'],
    ['map keys with a rival', '74 00000002 68 00 6a', '68 01 6a', '6a'],
  ])('100,000 levels of %s decode, a million decode or fail cleanly', (_name, open, end, close) => {
    const term = decode(deep(100_000, open, end, close));
    expect(term).toBeDefined();
    let error: unknown;
    try {
      decode(deep(1_000_000, open, end, close));
    } catch (thrown) {
      error = thrown;
    }
    if (error !== undefined) expect(error).toMatchObject({ code: 'too_deep' });
  });

  test('closures and records nest as well', () => {
    const fun = `70 00000000 00 ${'00'.repeat(16)} 00000000 00000001 77 01 'm' 61 00 61 00 58 77 01 'n' 00000000 00000000 00000001`;
    expect(decode(deep(100_000, fun, '6a'))).toBeDefined();
    expect(decode(deep(100_000, "43 00000001 00 77 01 'm' 77 01 'r' 77 01 'f'", '6a'))).toBeDefined();
  });

  test('promises cost nothing', () => {
    const lies = Buffer.concat([
      bytes('83'),
      Buffer.from(bytes('6c 000fffff').toString('latin1').repeat(200_000), 'latin1'),
    ]);
    const before = process.memoryUsage().rss;
    expect(failure(() => decode(lies)).code).toBe('truncated');
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
  });

  test('a decompression bomb stops at the limit', () => {
    const zeros = deflateSync(Buffer.alloc(1_000_000));
    const bomb = (size: number) => {
      const head = bytes('83 50 00000000');
      head.writeUInt32BE(size, 2);
      return Buffer.concat([head, zeros]);
    };
    expect(failure(() => decode(bomb(2 ** 32 - 1)))).toMatchObject({ code: 'inflated_too_large', limit: 2 ** 26 });
    expect(failure(() => decode(bomb(1000))).code).toBe('bad_compressed');
    expect(failure(() => decode(bomb(2_000_000))).code).toBe('bad_compressed');
    expect(failure(() => decode(bomb(1_000_000), { limits: { inflatedSize: 999_999 } })).code).toBe(
      'inflated_too_large',
    );
  });

  test('integers have a limit', () => {
    const head = bytes('83 6f 00080000 00');
    expect(failure(() => decode(Buffer.concat([head, Buffer.alloc(2 ** 19, 1)]))).code).toBe('integer_too_large');
    expect(typeof decode(Buffer.concat([bytes('83 6f 0007fff8 00'), Buffer.alloc(524_280, 1)]))).toBe('bigint');
  });

  test('tuples have a limit', () => {
    const wire = Buffer.alloc(6 + 2 ** 24, 106);
    wire.set([131, 105, 1, 0, 0, 0]);
    const limits = { elements: 2 ** 25 };
    expect(failure(() => decode(wire, { limits }))).toMatchObject({ code: 'term_too_large', limit: 2 ** 24 - 1 });
    expect(failure(() => encode(tupleFrom(new Array<Term>(2 ** 24)))).code).toBe('term_too_large');
  });

  test('depth has a limit', () => {
    const limits = { depth: 3 };
    expect(decode(bytes('83 68 01 68 01 68 00'), { limits })).toBeInstanceOf(Tuple);
    expect(failure(() => decode(bytes('83 68 01 68 01 68 01 68 00'), { limits }))).toMatchObject({
      code: 'too_deep',
      limit: 3,
    });
  });
});
