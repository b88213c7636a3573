// encode(): the table of fixtures, what is refused and where it stands, and outputs that stay what they were.
import { describe, expect, test } from 'vitest';
import { ArgumentError, LimitError } from '../../src/errors.js';
import { Encoder } from '../../src/etf/encode.js';
import { decode, encode, encodeInto, encodeParts } from '../../src/etf/index.js';
import { type Atom, atom, internAtom } from '../../src/term/atom.js';
import { BitString } from '../../src/term/bitstring.js';
import { float } from '../../src/term/float.js';
import { ExternalFun, InternalFun } from '../../src/term/fun.js';
import { pid } from '../../src/term/identifiers.js';
import { ImproperList } from '../../src/term/list.js';
import type { Term } from '../../src/term/term.js';
import { tuple } from '../../src/term/tuple.js';
import { bytes, canonical } from '../fixtures/etf.js';

function failure(term: unknown, options?: Parameters<typeof encode>[1]): ArgumentError | LimitError {
  try {
    encode(term as Term, options);
  } catch (error) {
    if (error instanceof ArgumentError || error instanceof LimitError) return error;
    throw error;
  }
  throw new RangeError('nothing was thrown');
}

describe('the table', () => {
  test.each(canonical)('%s', (_name, hex, term) => {
    expect(encode(term).toString('hex')).toBe(bytes(hex).toString('hex'));
  });
});

describe('other spellings of terms', () => {
  test.each<[string, Term, string]>([
    ['-0 is the integer 0', -0, '83 61 00'],
    ['a bigint that is small', 5n, '83 61 05'],
    ['1e20 is an integer', 1e20, '83 6e 09 00 000010632d5ec76b05'],
    ['-(2^40)', -(2 ** 40), '83 6e 06 01 000000000001'],
    ['a list of small bigints', [1n, 2], '83 6b 0002 01 02'],
    ['a string', 'hé', '83 6d 00000003 68c3a9'],
    ['a Uint8Array', Uint8Array.of(1), '83 6d 00000001 01'],
    ['a hole', new Array<Term>(1), "83 6c 00000001 77 09 'undefined' 6a"],
    ['an object', { a: 1 }, "83 74 00000001 77 01 'a' 61 01"],
    [
      'an object without a prototype',
      Object.assign(Object.create(null), { a: 1 }) as Term,
      "83 74 00000001 77 01 'a' 61 01",
    ],
    ['an atom object for true', internAtom('true'), "83 77 04 'true'"],
    ['an empty bitstring', new BitString(Buffer.of(), 3), '83 6d 00000000'],
    ['a bitstring with unused bits set', new BitString(Buffer.of(0xff), 3), '83 4d 00000001 03 e0'],
    ['an improper list of no elements', new ImproperList([], 1), '83 61 01'],
    ['a string of 65,536 bytes', new Array<Term>(65_536).fill(1), `83 6c 00010000 ${'6101'.repeat(65_536)} 6a`],
  ])('%s', (_name, term, hex) => {
    expect(encode(term).toString('hex')).toBe(bytes(hex).toString('hex'));
  });

  test('keys of objects', () => {
    expect(encode({ a: { b: 1 } }, { keys: 'string' })).toEqual(
      bytes("83 74 00000001 6d 00000001 'a' 74 00000001 6d 00000001 'b' 61 01"),
    );
    expect(encode({ ['__proto__']: 1, constructor: 2 }).toString('latin1')).toContain('__proto__');
  });

  test('strings of every length', () => {
    for (const unit of ['a', 'é', '€', '😀', 'aé€😀']) {
      for (const count of [0, 1, 7, 8, 23, 24, 25, 100, 1000, 5000, 30_000]) {
        const text = unit.repeat(count);
        expect(decode(encode([1, text, 2]), { binaries: 'string' })).toEqual([1, text, 2]);
      }
    }
  });
});

describe('refuses', () => {
  class Own {
    x = 1;
  }
  test.each<[unknown, string]>([
    [Number.NaN, 'cannot encode NaN, which Erlang does not have'],
    [[1 / 0], 'cannot encode Infinity, which Erlang does not have, at [0]'],
    [() => 1, 'cannot encode a function'],
    [Symbol('x'), 'cannot encode a symbol'],
    [new Own(), 'cannot encode an instance of Own'],
    [new Date(), 'cannot encode an instance of Date'],
    [new Set([1]), 'cannot encode an instance of Set'],
    [new Float64Array(1), 'cannot encode an instance of Float64Array'],
    [Promise.resolve(), 'cannot encode an instance of Promise'],
    ['\ud800', 'cannot encode a string with a lone surrogate, which UTF-8 does not have'],
    [[1, 2, { user: { name: () => 1 } }], 'cannot encode a function, at [2].user.name'],
    [
      tuple(1, [new Map<unknown, unknown>([['k', { 'a b': [Symbol('x')] }]])] as Term),
      'cannot encode a symbol, at [1][0].get("k")["a b"][0]',
    ],
    [new Map([[Symbol('x'), 1]]), 'cannot encode a symbol, at (key 0)'],
    [new ImproperList([1], Symbol('x') as never), 'cannot encode a symbol, at tail'],
    [{ [`${'a'.repeat(256)}`]: 1 }, 'cannot encode an object with a key that cannot be an atom'],
    [[new ExternalFun(internAtom('m'), internAtom('f'), 256)], 'cannot encode a fun of arity 256 (0 to 255), at [0]'],
  ])('case %#', (term, message) => {
    const error = failure(term);
    expect(error.code).toBe('not_encodable');
    expect(error.message.replace(/ \(an atom.*/, '')).toBe(message);
    expect(encode([])).toEqual(bytes('83 6a'));
  });

  test.each<[string, [Term, Term]]>([
    ['two equal tuples', [tuple(1, 'a'), tuple(1n, Buffer.from('a'))]],
    ['a string and its bytes', ['é', Buffer.from('é')]],
    ['a number and its bigint', [1, 1n]],
    ['two spellings of true', [true, internAtom('true')]],
    ['two floats', [float(1), float(1)]],
    ['a float and a number', [float(1.5), 1.5]],
    ['two pids', [pid('n', 1, 2, 3), pid('n', 1, 2, 3)]],
    ['an object and a Map', [{ a: 1 }, new Map([[atom('a') as Atom, 1]])]],
    ['two lists', [[[1]], [[1]]]],
  ])('%s as keys of one map', (_name, [one, two]) => {
    const error = failure([
      new Map<Term, Term>([
        [one, 1],
        [two, 2],
      ]),
    ]);
    expect(error).toMatchObject({
      code: 'not_encodable',
      message: 'cannot encode a map with two keys that are one term in Erlang, at [0]',
    });
  });

  test('keys that differ pass', () => {
    const keys: Term[] = [
      1,
      float(1),
      1.5,
      true,
      'true',
      atom('a'),
      'a',
      [97],
      tuple(1),
      tuple(float(1)),
      { a: 1 },
      float(0),
      float(-0),
    ];
    const map = new Map(keys.map((key, i) => [key, i]));
    expect((decode(encode(map)) as Map<Term, Term>).size).toBe(keys.length);
  });

  test('what contains itself', () => {
    const list: unknown[] = [1];
    list.push({ again: tuple(list as Term) });
    expect(failure({ list }).message).toMatch(/^cannot encode a value that contains itself, at list\[1\]\.again\[0\]/);
    const map = new Map<unknown, unknown>();
    map.set(map, 1);
    expect(failure(map).code).toBe('not_encodable');
    expect(failure(map, { deterministic: true }).code).toBe('not_encodable');
  });

  test('100,000 levels pass, a million pass or fail cleanly', () => {
    const nest = (levels: number, wrap: (inner: Term) => Term) => {
      let term: Term = [];
      for (let i = 0; i < levels; i++) term = wrap(term);
      return term;
    };
    for (const wrap of [
      (t: Term) => [t],
      (t: Term) => tuple(t),
      (t: Term) => ({ a: t }),
      (t: Term) => new Map([[t, 1]]),
    ]) {
      expect(encode(nest(100_000, wrap)).length).toBeGreaterThan(200_000);
      expect(failure(nest(1_000_000, wrap)).code).toBe('too_deep');
    }
  });

  test('limits', () => {
    expect(failure([[[[]]]], { limits: { depth: 3 } })).toMatchObject({ code: 'too_deep', limit: 3 });
    expect(failure('x'.repeat(1000), { limits: { encodedSize: 500 } })).toMatchObject({ code: 'term_too_large' });
    expect(failure(2n ** 80n, { limits: { integerSize: 9 } }).code).toBe('not_encodable');
  });
});

describe('an Encoder', () => {
  test('writes outputs that stay what they were', () => {
    const encoder = new Encoder();
    const outputs: [Buffer, string][] = [];
    for (let i = 0; i < 3000; i++) {
      encoder.begin();
      encoder.byte(131);
      encoder.term(tuple(i, 'x'.repeat(i % 200)));
      encoder.bytes(Buffer.from('tail'));
      expect(encoder.length).toBe(encoder.length);
      const output = encoder.finish();
      outputs.push([output, output.toString('hex')]);
    }
    for (const [output, hex] of outputs) expect(output.toString('hex')).toBe(hex);
  });

  test('goes back to before a term that failed', () => {
    const encoder = new Encoder();
    encoder.begin();
    encoder.byte(1);
    expect(() => encoder.term(['x'.repeat(100_000), Symbol('x')] as never)).toThrow(ArgumentError);
    expect(encoder.length).toBe(1);
    encoder.term(5);
    expect(encoder.finish()).toEqual(Buffer.of(1, 97, 5));
  });

  test('moves to more memory in the middle of anything', () => {
    const odd: Term = [
      [...new Array<Term>(300).fill(1), 'x', 7],
      [3, 1.5, 2 ** 40, -7, 5],
      tuple(atom('an_atom'), 'text'),
    ];
    const terms = [...canonical.map(([, , term]) => term), odd, { key: odd, other: new Map([[odd, odd]]) } as Term];
    for (const term of terms) {
      const plain = encode(term);
      for (let room = 0; room < Math.min(plain.length + 4, 500); room += 3) {
        const encoder = new Encoder();
        encoder.begin();
        encoder.bytes(Buffer.alloc(65_536 - room));
        encoder.term(term);
        expect(
          encoder
            .finish()
            .subarray(65_536 - room)
            .equals(plain.subarray(1)),
        ).toBe(true);
      }
    }
  });

  test('offers every atom to the cache of a connection', () => {
    const encoder = new Encoder();
    const offered: string[] = [];
    encoder.atomCache = {
      refer: (it) => {
        offered.push(it.text);
        return ['n', 'true', 'key'].indexOf(it.text);
      },
    };
    encoder.begin();
    encoder.term([true, undefined, pid('n', 1, 2, 3), { key: null }] as Term);
    expect(new Set(offered)).toEqual(new Set(['true', 'undefined', 'n', 'key', 'nil']));
    expect(encoder.finish()).toEqual(
      bytes("6c 00000004 52 01 77 09 'undefined' 58 52 00 00000001 00000002 00000003 74 00000001 52 02 77 03 'nil' 6a"),
    );
    encoder.atomCache = undefined;
    encoder.begin();
    encoder.term(true);
    expect(encoder.finish()).toEqual(bytes("77 04 'true'"));
  });

  test('can be entered again from a getter', () => {
    const term = {
      get a(): Buffer {
        return encode([1, 2, 3]);
      },
    };
    expect(decode(encode(term as Term), { maps: 'object' })).toEqual(
      Object.assign(Object.create(null), { a: bytes('83 6b 0003 010203') }),
    );
  });
});

describe('encodeInto', () => {
  test('writes where it is told, and nowhere else', () => {
    for (const [, hex, term] of canonical) {
      const wire = bytes(hex);
      for (const spare of [0, 1, 100, 1000]) {
        const memory = Buffer.alloc(wire.length + spare + 60, 0xee);
        const target = memory.subarray(30, 30 + wire.length + spare);
        // What lies behind the end may be scribbled on, up to the end of the target; what lies before it may not.
        expect(encodeInto(target, 0, term)).toBe(wire.length);
        expect(target.subarray(0, wire.length).equals(wire)).toBe(true);
        expect(memory.subarray(0, 30).equals(Buffer.alloc(30, 0xee))).toBe(true);
        expect(memory.subarray(30 + wire.length + spare).equals(Buffer.alloc(30, 0xee))).toBe(true);
        if (spare === 100) {
          expect(encodeInto(target, 100, term)).toBe(wire.length + 100);
          expect(target.subarray(100).equals(wire)).toBe(true);
        }
      }
    }
  });

  test('says how much room it needs', () => {
    expect(() => encodeInto(Buffer.alloc(4), 0, 'abc')).toThrow('the term takes 9 bytes; there is room for 4');
    expect(() => encodeInto(Buffer.alloc(4), 5, 'abc')).toThrow(ArgumentError);
    expect(encode('abc')).toEqual(bytes("83 6d 00000003 'abc'"));
  });
});

describe('encodeParts', () => {
  test('leaves large binaries where they are', () => {
    const large = Buffer.alloc(1_000_000, 7);
    const small = Buffer.alloc(100, 8);
    for (const term of [large, [1, large, small, 'x', large, { key: large }] as Term, tuple(), 'text', []]) {
      for (const deterministic of [false, true]) {
        const parts = encodeParts(term, { deterministic });
        expect(Buffer.concat(parts).equals(encode(term))).toBe(true);
        expect(parts.filter((part) => part === large).length).toBe(JSON.stringify(term).split('[7,7,').length - 1);
        expect(parts.every((part) => part.length > 0)).toBe(true);
      }
    }
  });

  test('keeps closures in one piece, whose size counts all of it', () => {
    const fun = canonical.find(([name]) => name === 'a closure')?.[2] as InternalFun;
    const large = Buffer.alloc(50_000, 7);
    const outer = new InternalFun({ ...fun, free: [large, new InternalFun({ ...fun, free: [large] }), large] });
    const term = [large, outer, large];
    const parts = encodeParts(term);
    expect(Buffer.concat(parts).equals(encode(term))).toBe(true);
    expect(parts.filter((part) => part === large).length).toBe(2);
    expect(decode(encode(term))).toMatchObject([{}, { free: [{}, { free: [{}] }, {}] }, {}]);
  });

  test('is as it was after an error', () => {
    const large = Buffer.alloc(50_000, 7);
    expect(() => encodeParts([large, Symbol('x')] as never)).toThrow(ArgumentError);
    expect(encode(large).length).toBe(50_006);
    expect(encodeParts(large).length).toBe(2);
  });
});
