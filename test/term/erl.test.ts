// Terms from templates: values are terms wherever a term may stand, and the text is read once per place in the source.
import { describe, expect, test } from 'vitest';
import { ArgumentError } from '../../src/errors.js';
import { atom } from '../../src/term/atom.js';
import { bitstring } from '../../src/term/bitstring.js';
import { equals } from '../../src/term/compare.js';
import { float } from '../../src/term/float.js';
import { format } from '../../src/term/format.js';
import { pid } from '../../src/term/identifiers.js';
import { erl, parse } from '../../src/term/parse.js';
import type { Term } from '../../src/term/term.js';
import { Tuple, tuple } from '../../src/term/tuple.js';

const me = pid('e@h', 1, 0, 4);

describe('values', () => {
  test.each<[string, Term, Term]>([
    ['alone', erl`${me}`, me],
    ['with a dot', erl` ${1} . % done`, 1],
    ['in tuples', erl`{ok, ${'text'}, {${1}}}`, tuple(atom('ok'), 'text', tuple(1))],
    ['in lists', erl`[${1}, a, ${[2]}]`, [1, atom('a'), [2]]],
    ['as tails', erl`[a | ${[1, 2]}]`, [atom('a'), 1, 2]],
    ['as improper tails', erl`[a, b | ${me}]`, parse('[a, b | x]')],
    ['as tails of tails', erl`[a | [${1} | [${2} | ${[3]}]]]`, [atom('a'), 1, 2, 3]],
    ['in parentheses', erl`(${1})`, 1],
    [
      'as keys and values',
      erl`#{${'k'} => ${me}, a => b}`,
      new Map<Term, Term>([
        ['k', me],
        [atom('a'), atom('b')],
      ]),
    ],
    ['as keys that are written, too', erl`#{a => 1, ${atom('a')} => 2}`, new Map([[atom('a'), 2]])],
    ['next to each other', erl`[${1},${2}]`, [1, 2]],
  ])('%s', (name, made, expected) => {
    if (name === 'as improper tails') expect(format(made)).toBe('[a,b|<0.1.0>]');
    else expect(equals(made, expected)).toBe(true);
  });

  test('in binaries', () => {
    const rest = Buffer.from('rest');
    expect(erl`<<${5}:16, ${rest}/binary, "é"/utf8, ${8}:${4}, 0:4>>`).toEqual(
      Buffer.from('\0\x05restÃ©\x80', 'latin1'),
    );
    expect(erl`<<${bitstring(Buffer.from([0xa0]), 3)}/bits, ${1}:5>>`).toEqual(Buffer.from([0xa1]));
    expect(erl`<<${1.5}/float, ${float(1)}:32/float>>`).toEqual(Buffer.from('3ff80000000000003f800000', 'hex'));
    expect(erl`<<${'text'}/binary, ${955}/utf8, ${-1n}:128>>`).toEqual(
      Buffer.from(`74657874cebb${'ff'.repeat(16)}`, 'hex'),
    );
  });

  test('that do not fit into their segment are refused where the template stands', () => {
    expect(() => erl`{<<${'text'}>>}`).toThrow(
      new ArgumentError('badarg', 'Erlang term, line 1, column 2: a segment of type integer that is no integer'),
    );
    expect(() => erl`<<1:${-1}>>`).toThrow(ArgumentError);
    expect(() => erl`<<${1}/binary>>`).toThrow(ArgumentError);
  });

  test('are terms and never text', () => {
    const hostile = '}, {evil';
    expect(format(erl`{${hostile}, ${atom("a'b")}}`)).toBe(`{<<"}, {evil">>,'a\\'b'}`);
  });
});

describe('the text', () => {
  test('is read once per place, and the values are new each time', () => {
    const make = (value: Term) => erl`{[a, "long text"], ${value}}`;
    const one = make(1);
    const two = make(2);
    expect(one).toBeInstanceOf(Tuple);
    expect((one as Tuple)[1]).toBe(1);
    expect((two as Tuple)[1]).toBe(2);
    expect((one as Tuple)[0]).toBe((two as Tuple)[0]);
  });

  test('is Erlang text: escapes are Erlang escapes', () => {
    expect(erl`"a\n\"\x{3bb}\e"`).toEqual([97, 10, 34, 955, 27]);
    expect(erl`'a\'b'`).toBe(atom("a'b"));
  });

  test('ends a token at a value', () => {
    expect(() => erl`{ok${1}}`).toThrow(/expected "," or "}", not a value/);
    expect(() => erl`"abc${1}"`).toThrow(/a quoted string that does not end/);
    expect(() => erl`[${1} ${2}]`).toThrow(
      /after value 1 of a template, line 1, column 2: expected ",", "\|" or "\]", not a value/,
    );
    expect(() => erl`{${1}, X}`).toThrow(/after value 1 of a template, line 1, column 3: a variable/);
    expect(() => erl`-${1}`).toThrow(/a sign before something that is no number/);
    expect(() => erl`fun ${atom('a')}:b/1`).toThrow(/the module of a fun/);
    expect(() => erl`a. ${1}`).toThrow(/nothing after the final dot/);
  });
});
