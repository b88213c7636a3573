// Objects to maps: generated writers write what careful writing writes, whatever the keys, the values and the order.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { decode, type EncodeOptions, encode, encodeParts } from '../../src/etf/index.js';
import type { Term } from '../../src/term/term.js';

type PlainObject = { readonly [key: string]: Term };

/** Encodes so often that the shape is learnt, and answers what it comes to. */
function often(term: Term, options: EncodeOptions): Buffer {
  const expected = encode(term, { ...options, generateCode: false });
  for (let i = 0; i < 64; i++) expect(encode(term, options).equals(expected)).toBe(true);
  return expected;
}

const WAYS: readonly EncodeOptions[] = [{}, { keys: 'string' }];

const VALUES: readonly Term[] = [
  0,
  255,
  -1,
  70_000,
  2 ** 31,
  1.5,
  12n,
  '',
  'short',
  'é',
  'x'.repeat(39),
  'y'.repeat(41),
  'ü'.repeat(300),
  'z'.repeat(5000),
  true,
  false,
  null,
  undefined,
  [],
  [1, 2, 300],
  Buffer.from('bytes'),
  new Map<Term, Term>([[1, 2]]),
  { inner: 1 },
];

describe('a learnt shape of objects', () => {
  test.each(WAYS)('takes every kind of value in every place (%o)', (options) => {
    for (const learnt of [1, 'text', true, { inner: 1 }]) {
      const name = `of_${typeof learnt}`;
      often({ [name]: learnt, second: learnt }, options);
      for (const first of VALUES) {
        for (const second of VALUES) same({ [name]: first, second }, options);
      }
    }
  });

  test.each(WAYS)('is told from its beginnings, its continuations and other orders (%o)', (options) => {
    const entries: readonly (readonly [string, Term])[] = Array.from({ length: 12 }, (_, i) => [`k${i}`, i]);
    for (const size of [4, 8, 12, 6, 1]) often(Object.fromEntries(entries.slice(0, size)), options);
    for (let size = 0; size <= 12; size++) {
      const some = entries.slice(0, size);
      same(Object.fromEntries(some), options);
      same(Object.fromEntries(some.toReversed()), options);
      same(Object.fromEntries([...some, ['other', 'x'.repeat(100)]]), options);
      same(Object.fromEntries([['other', 1], ...some]), options);
    }
  });

  test.each(WAYS)('may have keys that mean mischief (%o)', (options) => {
    const keys = [
      'constructor',
      'toString',
      'hasOwnProperty',
      '"]; throw new Error("out"); //',
      "'`${process.exit(7)}",
      '\\',
      '\\u0022',
      'line\nbreak\r\u2028\u2029',
      '\0',
      '7',
      'é',
      '😀',
      'true',
      'nil',
      'x'.repeat(64),
      'x'.repeat(65),
      '',
    ];
    for (const key of keys) {
      const object = { [key]: 1, [`${key}2`]: 'text' };
      expect(decode(often(object, options)), key).toEqual(
        decode(encode(Object.assign(Object.create(null), object), options)),
      );
    }
    const own = JSON.parse('{"a": 1, "__proto__": 2, "b": 3}') as PlainObject;
    expect((decode(often(own, { keys: 'string' }), { binaries: 'string' }) as Map<Term, Term>).get('__proto__')).toBe(
      2,
    );
  });

  test('is left alone by a lone surrogate, as a key or a value', () => {
    const term = { good: 'text', other: 1 };
    often(term, {});
    expect(() => encode({ good: '\ud800', other: 1 })).toThrow('lone surrogate');
    for (let i = 0; i < 64; i++) expect(() => encode({ '\ud800': 1 })).toThrow();
    often(term, {});
  });

  test('asks a getter once, and survives one that takes keys away', () => {
    let asked = 0;
    const object = {
      first: 1,
      get second(): Term {
        asked++;
        return 2;
      },
      third: 3,
    };
    for (let i = 1; i <= 100; i++) {
      encode(object);
      expect(asked).toBe(i);
    }
    for (let i = 0; i < 64; i++) {
      const shrinking: { [key: string]: Term } = {};
      Object.defineProperty(shrinking, 'first', {
        enumerable: true,
        configurable: true,
        get(): Term {
          delete shrinking['third'];
          return 1;
        },
      });
      shrinking['second'] = 2;
      shrinking['third'] = 3;
      expect(decode(encode(shrinking))).toBeInstanceOf(Map);
    }
  });

  test('leaves depth, limits and large binaries as they are', () => {
    let deep: Term = 1;
    for (let i = 0; i < 3000; i++) deep = { down: deep, beside: i };
    same(deep, {});
    expect(() => encode(deep, { limits: { depth: 2000 } })).toThrow('2000');
    const large = Buffer.alloc(100_000, 1);
    for (let id = 0; id < 64; id++) {
      expect(Buffer.concat(encodeParts({ id, large })).equals(encode({ id, large }))).toBe(true);
    }
    // Across the end of a slab, with every alignment.
    const rows = Array.from({ length: 3000 }, (_, i) => ({ id: i, name: 'n'.repeat(i % 40), last: i % 2 === 0 }));
    same(rows, {});
  });

  test('is one of a bounded number', () => {
    for (let i = 0; i < 20_000; i++) {
      const object = { [`a${i % 3000}`]: i, [`b${i % 3000}`]: 'x' };
      expect(encode(object).length).toBeGreaterThan(10);
    }
    often({ after: 1, many: 2 }, {});
  });

  test('is written as well where code must not be generated', () => {
    const program = `
      import { encode } from ${JSON.stringify(new URL('../../lib/etf/index.js', import.meta.url).href)};
      const rows = Array.from({ length: 100 }, (_, id) => ({ id, name: 'x', on: true }));
      process.stdout.write(encode(rows).toString('hex'));`;
    const run = spawnSync(
      process.execPath,
      ['--disallow-code-generation-from-strings', '--input-type=module', '-e', program],
      { encoding: 'utf8', cwd: fileURLToPath(new URL('.', import.meta.url)) },
    );
    expect(run.stderr).toBe('');
    const rows = Array.from({ length: 100 }, (_, id) => ({ id, name: 'x', on: true }));
    expect(run.stdout).toBe(encode(rows, { generateCode: false }).toString('hex'));
  });
});

/** What is written with and without generated code. */
function same(term: Term, options: EncodeOptions): void {
  const expected = encode(term, { ...options, generateCode: false });
  for (let i = 0; i < 2; i++) expect(encode(term, options).equals(expected)).toBe(true);
}
