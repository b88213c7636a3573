// Terms as text, judged by OTP: a corpus of every type, every character, both printable ranges, depth; and our limits.
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ArgumentError, LimitError } from '../../src/errors.js';
import { atom, internAtom } from '../../src/term/atom.js';
import { bitstring } from '../../src/term/bitstring.js';
import { float } from '../../src/term/float.js';
import { type FormatOptions, format } from '../../src/term/format.js';
import { externalFun, InternalFun } from '../../src/term/fun.js';
import { Port, pid, reference } from '../../src/term/identifiers.js';
import { charlist, improperList } from '../../src/term/list.js';
import { NativeRecord } from '../../src/term/record.js';
import type { Term } from '../../src/term/term.js';
import { tuple } from '../../src/term/tuple.js';
import { type Judge, startJudge } from './judge.js';

const closure = new InternalFun({
  arity: 1,
  uniq: Buffer.alloc(16, 7),
  index: 3,
  module: internAtom('Some mod'),
  oldIndex: 3,
  oldUniq: 12345678,
  pid: pid('e@h', 1, 0, 4),
  free: [1],
});

const numbers: Term[] = [
  ...[0, -0, 1, -1, 255, 2 ** 31, 2 ** 53 - 1, 2n ** 53n, -(2n ** 53n), 10n ** 40n, 1e21],
  ...[
    0,
    -0,
    1,
    -1,
    1e5,
    99999,
    123456789,
    12345678910,
    1e10,
    1e15,
    1e16,
    2 ** 52,
    2 ** 53 - 1,
    2 ** 53,
    2 ** 54,
    1e22,
  ].map(float),
  ...[1e23, 1e100, -1e300, 1.7976931348623157e308, 4503599627370497].map(float),
  ...[
    0.1, 0.01, 0.001, 0.0001, 0.00001, 0.0015, 1.5e-4, 1.23456e-4, 1.5, -1.5, 2.345678901234567, 12345.678, 5e-324,
    2.2250738585072014e-308,
  ],
];
const texts = [
  ...[
    '',
    'abc',
    'a\nb"c',
    "a'b",
    'a\\b',
    '\t\n\v\f\r\b\x1b',
    '\x07',
    '\0',
    '\x7f',
    '\x80',
    '\x9f',
    '\xa0',
    '\xad',
    'é',
    'ÿ',
  ],
  ...[
    'λ',
    '€',
    'aλ',
    '😀',
    '\ufeff',
    '\ufffd',
    '\u2028',
    'x'.repeat(300),
    '~',
    ' ',
    'a b',
    'ok',
    'Ok',
    'o@k',
    '_',
    '1a',
  ],
];
const corpus: Term[] = [
  ...numbers,
  ...texts.flatMap((text) => [charlist(text), Buffer.from(text, 'utf8'), Buffer.from(text, 'latin1'), text]),
  ...texts.filter((text) => text.length < 256).map((text) => atom(text)),
  ...[[200], [195, 169, 200], [0], [1, 2, 3], [206, 187, 200], [97, 0]].map((bytes) => Buffer.from(bytes)),
  ...[1, 3, 9, 13].map((length) => bitstring(Buffer.from('éé'), length)),
  ...[
    [1114111],
    [0xfffe],
    [0xd800],
    [955, 0],
    [97, 1.5],
    [41.5],
    [200.5, 97],
    [97, float(98)],
    [97n],
    [-1],
    [[97]],
    [[]],
    [[], 'a'],
    [97, [98]],
  ],
  improperList([97], 98),
  improperList([atom('a'), 'b'], atom('c')),
  improperList([[1]], tuple()),
  tuple(),
  tuple(1),
  tuple(atom('ok'), tuple([], new Map(), '')),
  new Map(),
  new Map([[atom('a'), 1]]),
  new Map<Term, Term>([[new Map([[1, 'x']]), charlist('y')]]),
  true,
  false,
  null,
  undefined,
  externalFun('lists', 'map', 2),
  externalFun('A b', "it's", 255),
  closure,
];
const identifiers: Term[] = [
  pid('a@h', 85, 0, 4),
  pid('a@h', 0xffffffff, 7, 4),
  new Port(internAtom('a@h'), 5, 4),
  new Port(internAtom('a@h'), 2n ** 63n, 4),
  reference('a@h', 4, [1, 2, 3]),
  reference('a@h', 4, [7]),
  reference('a@h', 4, [1, 2, 3, 4, 5]),
];

/** Identifiers of other nodes print with a number that the printing node has given theirs; we print theirs, 0. */
function asAtHome(text: string): string {
  return text.replace(/(<|#Port<|#Ref<)\d+\.(?=\d)/g, '$10.');
}

describe.each<[string, readonly string[], string, FormatOptions]>([
  ['~0tp', [], '~0tp', {}],
  ['~0p', [], '~0p', { unicode: false }],
  ['~0tp with +pc unicode', ['+pc', 'unicode'], '~0tp', { printable: 'unicode' }],
  ['~0p with +pc unicode', ['+pc', 'unicode'], '~0p', { unicode: false, printable: 'unicode' }],
])('like %s', (_, args, directive, options) => {
  let judge: Judge;
  beforeAll(async () => {
    // The words that newer releases reserve are printed with quotes.
    judge = await startJudge([...args, '-enable-feature', 'maybe_expr']);
  });
  afterAll(() => judge.stop());

  test('the corpus', async () => {
    const printed = await judge.printed(corpus, directive);
    expect(printed.length).toBeGreaterThan(corpus.length - 5);
    expect(printed.map(({ term }) => format(term, options))).toEqual(printed.map(({ text }) => text));
  });

  test('identifiers', async () => {
    const printed = await judge.printed(identifiers, directive);
    expect(identifiers.map((term) => format(term, options))).toEqual(printed.map(({ text }) => asAtHome(text)));
  });

  test('characters from everywhere, in atoms, lists and binaries', async () => {
    const all = Array.from({ length: 0x10000 }, (_, code) => code).filter((code) => code < 0xd800 || code > 0xdfff);
    const codes = all.filter((code) => code < 0x500 || code % 13 === 0 || (code > 0x1fff && code < 0x2100));
    codes.push(0xd7fe, 0xd7ff, 0xe000, 0xe001, 0xfeff, 0xfffd, 0xfffe, 0xffff, 0x10000, 0x1f600, 0x10fffe, 0x10ffff);
    const terms = codes.map((code) => {
      const character = String.fromCodePoint(code);
      return tuple(atom(character), atom(`a${character}`), [code], Buffer.from(character));
    });
    const printed = await judge.printed(terms, directive);
    const wrong = terms.flatMap((term, i) => {
      const text = format(term, options);
      return text === printed[i]?.text ? [] : [[text, printed[i]?.text]];
    });
    expect(wrong).toEqual([]);
  });

  test('reserved words', async () => {
    const words =
      'after and andalso band begin bnot bor bsl bsr bxor case catch cond div else end fun if let maybe not of or ' +
      'orelse receive rem try when xor query spec all module define ok';
    const terms = words.split(' ').map((word) => atom(word));
    const printed = await judge.printed(terms, directive);
    expect(terms.map((term) => format(term, options))).toEqual(printed.map(({ text }) => text));
  });
});

describe('depth, like ~0tP', () => {
  let judge: Judge;
  beforeAll(async () => {
    judge = await startJudge();
  });
  afterAll(() => judge.stop());

  const deep: Term[] = [
    ...corpus.filter((term) => !(typeof term === 'number' && Object.is(term, -0))),
    tuple(1, tuple(2, tuple(3, tuple(4, [5, [6, [7]]])))),
    [1, 2, 3, 4, 5, 6, 7, 8],
    improperList([1, 2], 3),
    tuple(...charlist('abcdefgh')),
    new Map([[1, new Map([[2, new Map([[3, 4]])]])]]),
    new Map(Array.from({ length: 6 }, (_, i) => [i, [i]])),
    ...['abcdefghijklmnopq', 'abcd\0efghijklmnop', 'ab\0efghijklmnop', 'éabcdefghijkl\0', 'ééééééééé', 'abcdefghé'].map(
      (text) => Buffer.from(text),
    ),
    Buffer.from('abcdéfgh', 'latin1'),
    Buffer.from([1, 2, 3, 4, 5, 6]),
    ...[
      [32, 27, 32, 0xc2, 0x80, 0xff],
      [0xc3, 0xa9, 0xc3, 0xa9, 0xff],
      [97, 97, 97, 0xc3],
      [97, 97, 97, 0xff, 97],
    ].map((bytes) => Buffer.from(bytes)),
    Buffer.concat([Buffer.from('ééé'), Buffer.from([0xff])]),
    Buffer.concat([Buffer.from('ééééé'), Buffer.from([0xc3])]),
    Buffer.concat([Buffer.from('éééé'), Buffer.from([0xff])]),
    bitstring(Buffer.from([1, 2, 3, 4]), 30),
    tuple(charlist('abcdefgh'), Buffer.from('abcdefgh')),
  ];

  test.each([0, 1, 2, 3, 4, 5, 6, 7, 12, 30])('%i', async (depth) => {
    const printed = await judge.printed(deep, '~0tP', String(depth));
    expect(printed.map(({ term }) => format(term, { depth }))).toEqual(printed.map(({ text }) => text));
  });
});

describe('what has no counterpart in OTP 25', () => {
  test('strings and plain objects print as the terms they become', () => {
    expect(format('abc')).toBe('<<"abc">>');
    expect(format('é')).toBe('<<"é"/utf8>>');
    expect(format({ a: 1, 'B c': [atom('x')], true: null })).toBe("#{a => 1,'B c' => [x],true => nil}");
    expect(format(Object.assign(Object.create(null) as object, { constructor: 1 }))).toBe('#{constructor => 1}');
  });

  test('native records', () => {
    const fields = [internAtom('x'), internAtom('Y')];
    const record = new NativeRecord(internAtom('geo'), internAtom('point'), true, fields, [1, tuple(2)]);
    expect(format(record)).toBe("#geo:point{x = 1,'Y' = {2}}");
    const greek = new NativeRecord(internAtom('λ'), internAtom('λ'), true, [internAtom('λ')], [1]);
    expect(format(greek, { unicode: false })).toBe("#'\\x{3BB}':'\\x{3BB}'{'\\x{3BB}' = 1}");
    expect(format(tuple(record), { depth: 4 })).toBe("{#geo:point{x = 1,'Y' = {...}}}");
  });

  test('no name of a node or a module breaks a line', () => {
    expect(format(pid("a'\n\\b@h", 1, 0, 4), { nodes: true })).toBe("#Pid<a'\\n\\b@h.1.0>");
  });

  test('identifiers with their nodes', () => {
    expect(format(identifiers, { nodes: true, limit: 60 })).toBe(
      '[#Pid<a@h.85.0>,#Pid<a@h.4294967295.7>,#Port<a@h.5>,#Port...',
    );
    expect(format(reference('a@h', 4, [1, 2, 3]), { nodes: true })).toBe('#Ref<a@h.3.2.1>');
  });

  test.each<[string, unknown]>([
    ['NaN', Number.NaN],
    ['a function', () => 1],
    ['a date', new Date()],
  ])('%s is refused', (_, value) => {
    expect(() => format([1, value as Term])).toThrow(ArgumentError);
  });
});

describe('limit', () => {
  test('is never passed, and loses nothing that fits', () => {
    for (const term of corpus) {
      const whole = format(term);
      for (const limit of [0, 1, 3, 4, 10, whole.length - 1, whole.length, whole.length + 1]) {
        if (limit < 0) continue;
        const text = format(term, { limit });
        expect(text.length).toBeLessThanOrEqual(limit);
        if (whole.length <= limit) expect(text).toBe(whole);
        else {
          expect(text.endsWith('.'.repeat(Math.min(3, limit)))).toBe(true);
          expect(whole.startsWith(text.slice(0, -3))).toBe(true);
          expect(text.isWellFormed()).toBe(true);
        }
      }
    }
  });

  test('a long term costs what is shown of it', () => {
    const limit = 100;
    const list = Array.from({ length: 1_000_000 }, (_, i) => i);
    expect(format(list, { limit }).length).toBe(limit);
    expect(format(Buffer.alloc(50_000_000), { limit }).length).toBe(limit);
    expect(format('x'.repeat(50_000_000), { limit }).length).toBe(limit);
    expect(
      format(
        list.map(() => 97),
        { limit },
      ).length,
    ).toBe(limit);
  });

  test('a text longer than the longest string is a LimitError', () => {
    expect(() => format(Buffer.alloc(300_000_000))).toThrow(LimitError);
  });
});

test('a million levels', () => {
  let list: Term = [];
  let pair: Term = 1;
  for (let i = 0; i < 1_000_000; i++) {
    list = [list];
    pair = tuple(pair, 2);
  }
  expect(format(list)).toBe('['.repeat(1_000_001) + ']'.repeat(1_000_001));
  expect(format(pair).slice(-5)).toBe(',2},2}'.slice(1));
});

describe('console.log and String()', () => {
  const me = pid('e@127.0.0.1', 85, 0, 4);
  test.each<[Term, string, string]>([
    [tuple(atom('ok'), me, 'λ'), '{ok,#Pid<e@127.0.0.1.85.0>,<<"λ"/utf8>>}', '{ok,<0.85.0>,<<206,187>>}'],
    [me, '#Pid<e@127.0.0.1.85.0>', '<0.85.0>'],
    [new Port(internAtom('e@h'), 5, 4), '#Port<e@h.5>', '#Port<0.5>'],
    [reference('e@h', 4, [1, 2, 3]), '#Ref<e@h.3.2.1>', '#Ref<0.3.2.1>'],
    [internAtom('two words'), "'two words'", 'two words'],
    [float(1), '1.0', '1.0'],
    [improperList([1], 2), '[1|2]', '[1|2]'],
    [bitstring(Buffer.from([0xa0]), 3), '<<5:3>>', '<<5:3>>'],
    [externalFun('lists', 'map', 2), 'fun lists:map/2', 'fun lists:map/2'],
    [closure, '#Fun<Some mod.3.12345678>', '#Fun<Some mod.3.12345678>'],
    [new NativeRecord(internAtom('m'), internAtom('r'), false, [], []), '#m:r{}', '#m:r{}'],
  ])('%#: %s', (term, inspected, text) => {
    expect(inspect(term)).toBe(inspected);
    expect(inspect({ a: [term] })).toBe(`{ a: [ ${inspected} ] }`);
    expect(String(term)).toBe(text);
    expect(Object.keys(term as object)).not.toContain('toString');
  });

  test('tuples of any length', () => {
    const long = tuple(...Array.from({ length: 300 }, () => 1));
    expect(inspect(long)).toBe(`{${'1,'.repeat(299)}1}`);
    expect(String(long)).toBe(inspect(long));
  });

  test('is bounded as strings are', () => {
    expect(inspect(tuple('x'.repeat(100_000))).length).toBeLessThanOrEqual(10_000);
    expect(inspect(tuple('x'.repeat(100_000)), { maxStringLength: null }).length).toBeGreaterThan(100_000);
  });

  test('floats still count', () => {
    expect(Number(float(2)) + 1).toBe(3);
    expect(JSON.stringify([float(2)])).toBe('[2]');
  });
});

test('an object whose class cannot be named is refused like any other', () => {
  const nameless = Object.create(Object.create(Object.create(null) as object) as object) as Term;
  const misleading = Object.assign(new (class Own {})(), { constructor: null }) as unknown as Term;
  for (const term of [nameless, misleading]) expect(() => format(term)).toThrow(ArgumentError);
});
