// The order of terms and both equalities, on a corpus of every type, judged by OTP; and what only JavaScript has.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ArgumentError } from '../../src/errors.js';
import { atom, internAtom } from '../../src/term/atom.js';
import { bitstring } from '../../src/term/bitstring.js';
import { compare, compareExact, equals } from '../../src/term/compare.js';
import { float } from '../../src/term/float.js';
import { externalFun, InternalFun } from '../../src/term/fun.js';
import { Pid, Port, pid, Reference } from '../../src/term/identifiers.js';
import { improperList } from '../../src/term/list.js';
import { NativeRecord } from '../../src/term/record.js';
import type { Term } from '../../src/term/term.js';
import { tuple } from '../../src/term/tuple.js';
import { type Judge, startJudge } from './judge.js';

const a = internAtom('a@h');
const b = internAtom('b@h');

function closure(module: string, index: number, oldUniq: number, free: readonly Term[], creator = 1): InternalFun {
  const uniq = Buffer.alloc(16, oldUniq);
  const made = pid('a@h', creator, 0, 4);
  return new InternalFun({
    arity: 1,
    uniq,
    index,
    module: internAtom(module),
    oldIndex: index,
    oldUniq,
    pid: made,
    free,
  });
}

const big = 2n ** 53n;
const numbers: Term[] = [
  ...[0, 1, -1, 2, 255, 256, 2 ** 31, -(2 ** 31), 2 ** 53 - 1],
  ...[big, big + 1n, big + 2n, -big, -big - 1n, 10n ** 30n, -(10n ** 30n), 2n ** 1024n, -(2n ** 1024n)],
  ...[0.5, 1.5, -0.5, 1e-300, 5e-324, 0.1],
  ...[0, 1, -1, 2, 2 ** 53, 2 ** 53 - 1, 2 ** 53 + 2, -(2 ** 53), 1e30, 1e300, -1e300, 1.7976931348623157e308].map(
    float,
  ),
];
const atoms: Term[] = [
  ...[
    'a',
    'b',
    'aa',
    'A',
    '',
    'é',
    'λ',
    'true',
    'false',
    'nil',
    'undefined',
    '\uffee',
    '\ue000',
    '\u{10000}',
    '😀',
  ].map((text) => atom(text)),
];
const identifiers: Term[] = [
  ...[0, 1, 2 ** 15].flatMap((id) => [
    new Pid(a, id, 0, 4),
    new Pid(b, id, 1, 4),
    new Pid(a, id, 1, 5),
    new Pid(a, id, 1, 4),
  ]),
  ...[1, 2 ** 40, 2n ** 63n].flatMap((id) => [new Port(a, id, 4), new Port(b, id, 4), new Port(a, id, 5)]),
  ...[[1], [1, 0], [2, 1], [1, 2], [0, 0, 1], [1, 2, 3, 4, 5], [5, 0, 0, 0, 1]].flatMap((words) => [
    new Reference(a, 4, words),
    new Reference(b, 4, words),
    new Reference(a, 5, words),
  ]),
];
const funs: Term[] = [
  externalFun('lists', 'map', 2),
  externalFun('lists', 'map', 3),
  externalFun('lists', 'all', 2),
  externalFun('a', 'z', 2),
  closure('m', 0, 1, []),
  closure('m', 0, 1, [1]),
  closure('m', 0, 1, [float(1)]),
  closure('m', 0, 2, []),
  closure('m', 1, 0, []),
  closure('l', 9, 9, [1, 2]),
];
const bits: Term[] = [
  ...[[], [0], [1], [0, 0], [255], [128], [1, 2]].map((bytes) => Buffer.from(bytes)),
  'abc',
  'abd',
  'λ',
  ...[1, 3, 7, 9, 15].flatMap((length) => [
    bitstring(Buffer.from([0, 0]), length),
    bitstring(Buffer.from([255, 255]), length),
  ]),
];
const pairs: readonly (readonly [Term, Term])[] = [
  [1, 'x'],
  [float(1), 'x'],
  [2, 0],
  [0.5, 0],
  [atom('a'), 1],
  [atom('a'), float(1)],
];
const compounds: Term[] = [
  tuple(),
  tuple(1),
  tuple(float(1)),
  tuple(2),
  tuple(1, 0),
  tuple(0, 2),
  [],
  [1],
  [float(1)],
  [1, 0],
  [2],
  [[]],
  improperList([1], 2),
  improperList([1], atom('a')),
  improperList([1], ''),
  improperList([1, 2], 3),
  improperList([1], tuple()),
  improperList([1], new Map()),
  new Map(),
  ...pairs.map((pair) => new Map([pair])),
  ...pairs.flatMap((first) => pairs.filter((second) => second !== first).map((second) => new Map([first, second]))),
  new Map([[new Map([[1, 1]]), 1]]),
  new Map([[new Map([[float(1), 1]]), 1]]),
  new Map<Term, Term>([
    [new Map([[1, 1]]), 1],
    [new Map([[1, float(1)]]), 2],
  ]),
  new Map(Array.from({ length: 40 }, (_, i) => [i, i])),
  new Map(Array.from({ length: 40 }, (_, i) => [39 - i, i === 7 ? float(32) : 39 - i])),
  new Map(Array.from({ length: 40 }, (_, i) => [i === 20 ? float(20) : i, i])),
  { a: 1 },
  { b: 1, a: 2 },
];
const corpus = [...numbers, ...atoms, ...identifiers, ...funs, ...bits, ...compounds];

describe('judged by OTP', () => {
  let judge: Judge;
  beforeAll(async () => {
    judge = await startJudge();
  });
  afterAll(() => judge.stop());

  test('sorting the corpus is lists:sort/1', async () => {
    const order = corpus.map((_, place) => place).sort((x, y) => compare(corpus[x], corpus[y]));
    expect(order).toEqual(await judge.sorted(corpus));
  });

  test('every pair of the corpus relates as in OTP', async () => {
    const all = corpus.flatMap((x) => corpus.map((y) => [x, y] as const));
    const related = await judge.related(all);
    const wrong = all.filter(([x, y], i) => {
      const { smaller, equal, same, smallerKey } = related[i] as (typeof related)[number];
      const isWrong = smaller !== compare(x, y) < 0 || equal !== (compare(x, y) === 0) || same !== equals(x, y);
      return isWrong || smallerKey !== compareExact(x, y) < 0 || same !== (compareExact(x, y) === 0);
    });
    expect(wrong).toEqual([]);
  });

  test('the two zeros', async () => {
    const zeros = [0, float(0), float(-0)];
    const all = zeros.flatMap((x) => zeros.map((y) => [x, y] as const));
    const related = await judge.related(all);
    for (const [i, [x, y]] of all.entries()) {
      expect(related[i]?.equal).toBe(compare(x, y) === 0);
      // Up to OTP 26 there is one zero, since 27 there are two.
      if (judge.release >= 27) expect(related[i]?.same).toBe(equals(x, y));
    }
  });
});

describe('equals', () => {
  test('keeps integers, floats and the two zeros apart', () => {
    expect(equals(1, float(1))).toBe(false);
    expect(equals(float(1), float(1))).toBe(true);
    expect(equals(1.5, float(1.5))).toBe(true);
    expect(equals(float(0), float(-0))).toBe(false);
    expect(equals(0, -0)).toBe(true);
    expect(compareExact(float(-0), float(0))).toBe(-1);
    expect(equals(5n, 5)).toBe(true);
    expect(equals(2 ** 60, 2n ** 60n)).toBe(true);
  });

  test('takes a string for its UTF-8 bytes, and an object for the map with atoms as keys', () => {
    expect(equals('héλ😀', Buffer.from('héλ😀'))).toBe(true);
    expect(equals('abc', new Uint8Array([97, 98, 99]))).toBe(true);
    expect(equals('abc', [97, 98, 99])).toBe(false);
    expect(
      equals(
        { a: 1, true: 2 },
        new Map<Term, Term>([
          [true, 2],
          [atom('a'), 1],
        ]),
      ),
    ).toBe(true);
    expect(equals({ a: 1 }, new Map([['a', 1]]))).toBe(false);
    expect(equals({ a: 1, b: 2 }, { b: 2, a: 1 })).toBe(true);
    expect(equals({ a: 1, b: 2 }, { b: 2, c: 1 })).toBe(false);
    expect(equals({ a: 1, b: 2 }, { a: 1, b: float(2) })).toBe(false);
    expect(equals(Object.assign(Object.create(null) as object, { constructor: 1 }), { constructor: 1 })).toBe(true);
  });

  test('looks into keys', () => {
    const one = new Map<Term, Term>([
      [tuple(1, 'x'), 1],
      ['k', 2],
    ]);
    const two = new Map<Term, Term>([
      [Buffer.from('k'), 2],
      [tuple(1, Buffer.from('x')), 1],
    ]);
    expect(equals(one, two)).toBe(true);
    expect(compare(one, two)).toBe(0);
    expect(
      equals(
        one,
        new Map<Term, Term>([
          [tuple(1, 'x'), 1],
          ['k', 3],
        ]),
      ),
    ).toBe(false);
    expect(
      equals(
        one,
        new Map<Term, Term>([
          [tuple(1, 'y'), 1],
          ['k', 2],
        ]),
      ),
    ).toBe(false);
  });

  test('a fun is the same fun whoever made it, of the same version of its module', () => {
    expect(equals(closure('m', 0, 1, [1], 1), closure('m', 0, 1, [1], 2))).toBe(true);
    expect(equals(closure('m', 0, 1, [1]), closure('m', 0, 2, [1]))).toBe(false);
    expect(equals(closure('m', 0, 1, [1]), closure('m', 0, 1, [float(1)]))).toBe(false);
  });
});

test('records stand between tuples and maps: by module, name, exported, fields, values', () => {
  const record = (module: string, name: string, exported: boolean, fields: string[], values: Term[]) =>
    new NativeRecord(
      internAtom(module),
      internAtom(name),
      exported,
      fields.map((field) => internAtom(field)),
      values,
    );
  const sorted = [
    tuple(1, 2, 3),
    record('a', 'z', true, ['f', 'g'], [1, 1]),
    record('b', 'a', true, ['f', 'g'], [1, 1]),
    record('b', 'b', false, ['f', 'g'], [1, 1]),
    record('b', 'b', true, [], []),
    record('b', 'b', true, ['f'], [9]),
    record('b', 'b', true, ['f', 'g'], [1, 2]),
    record('b', 'b', true, ['f', 'g'], [2, 1]),
    record('b', 'b', true, ['f', 'h'], [1, 1]),
    new Map(),
  ];
  expect([...sorted].reverse().sort(compare)).toEqual(sorted);
  expect(equals(sorted[4], record('b', 'b', true, [], []))).toBe(true);
});

describe('what is no term', () => {
  test.each<[string, unknown]>([
    ['NaN', Number.NaN],
    ['an infinity', Number.POSITIVE_INFINITY],
    ['a function', () => 1],
    ['a symbol', Symbol('x')],
    ['a date', new Date()],
    ['a set', new Set()],
  ])('%s is refused', (_, value) => {
    expect(() => compare(value as Term, 1)).toThrow(ArgumentError);
    expect(() => equals([1, value as Term], [1, 2])).toThrow(/expected an Erlang term/);
  });
});

describe('depth and size', () => {
  const DEEP = 1_000_000;
  const nest = (wrap: (inner: Term) => Term, depth: number, start: Term = 1): Term => {
    let term: Term = start;
    for (let i = 0; i < depth; i++) term = wrap(term);
    return term;
  };

  test.each<[string, number, (inner: Term) => Term]>([
    ['lists', DEEP, (inner) => [inner]],
    ['lists with more after them', DEEP / 5, (inner) => [inner, 0]],
    ['tuples', DEEP, (inner) => tuple(0, inner)],
    ['improper lists', DEEP / 5, (inner) => improperList([inner], 0)],
    ['tails', DEEP / 5, (inner) => improperList([0], tuple(inner))],
    ['values of maps', DEEP / 10, (inner) => new Map([[1, inner]])],
    ['free variables', DEEP / 10, (inner) => closure('m', 0, 0, [inner])],
  ])('many levels of %s', (_, depth, wrap) => {
    const one = nest(wrap, depth);
    expect(compare(one, nest(wrap, depth))).toBe(0);
    expect(compare(one, nest(wrap, depth, 2))).toBe(-1);
    expect(equals(one, nest(wrap, depth, float(1)))).toBe(false);
  });

  test('maps as keys of maps as keys, where every level has to be put in order', () => {
    const wrap = (inner: Term) =>
      new Map<Term, Term>([
        [inner, 1],
        [
          new Map([
            ['a', 1],
            ['b', 1],
          ]),
          2,
        ],
      ]);
    const one = nest(wrap, 20_000);
    expect(compare(one, nest(wrap, 20_000))).toBe(0);
    expect(compare(one, nest(wrap, 20_000, 2))).not.toBe(0);
    expect(equals(one, nest(wrap, 20_000))).toBe(true);
  });

  test('a key that occurs in many keys is put in order once', () => {
    let shared: Term = new Map<Term, Term>([
      ['x', 1],
      ['y', 2],
    ]);
    for (let i = 0; i < 18; i++)
      shared = tuple(
        shared,
        new Map<Term, Term>([
          [shared, 1],
          ['z', i],
        ]),
      );
    expect(
      compare(
        new Map<Term, Term>([
          [shared, 1],
          ['a', 2],
        ]),
        new Map<Term, Term>([
          ['a', 2],
          [shared, 1],
        ]),
      ),
    ).toBe(0);
  });

  test('wide terms', () => {
    const wide = Array.from({ length: 1_000_000 }, (_, i) => i);
    expect(compare(wide, [...wide])).toBe(0);
    expect(compare(wide, [...wide, 1])).toBe(-1);
    expect(compare(tuple(...wide.slice(0, 1000)), tuple(...wide.slice(0, 1000)))).toBe(0);
    const entries = wide.slice(0, 100_000);
    const map = new Map(entries.map((i) => [Buffer.from(String(i)), i]));
    expect(equals(map, new Map(entries.reverse().map((i) => [String(i), i])))).toBe(true);
  });
});
