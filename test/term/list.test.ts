// Improper lists and texts that Erlang keeps as lists.
import { expect, test } from 'vitest';
import { ArgumentError } from '../../src/errors.js';
import { atom } from '../../src/term/atom.js';
import { charlist, ImproperList, improperList, text } from '../../src/term/list.js';
import type { Term } from '../../src/term/term.js';
import { tuple } from '../../src/term/tuple.js';

test('a tail that is a list continues the list', () => {
  expect(improperList([1], [2, 3])).toEqual([1, 2, 3]);
  expect(improperList([1], [])).toEqual([1]);
  expect(improperList([], 7)).toBe(7);
  const improper = improperList([1], improperList([2], 3)) as ImproperList;
  expect(improper).toBeInstanceOf(ImproperList);
  expect([improper.elements, improper.tail]).toEqual([[1, 2], 3]);
  expect((improperList([1], 'binary') as ImproperList).tail).toBe('binary');
});

test('charlist counts characters, not units', () => {
  expect(charlist('aλ😀')).toEqual([97, 955, 0x1f600]);
  expect(charlist('')).toEqual([]);
});

test('text reads chardata of any nesting', () => {
  const nested: Term = ['a', Buffer.from('λ'), [98, [0x1f600, []]], improperList([99], 'd')];
  expect(text(nested)).toBe('aλb😀cd');
  expect(text([])).toBe('');
  expect(text('x')).toBe('x');
  expect(text(Buffer.from('\ufeffbom'))).toBe('\ufeffbom');
  // Pieces as a socket gave them: unicode:characters_to_list/1 of OTP 25 reads them so, too.
  const bytes = Buffer.from('aλ😀');
  expect(text([[...bytes].map((byte) => Buffer.of(byte)), 98])).toBe('aλ😀b');
  let deep: Term = 'x';
  for (let i = 0; i < 300_000; i++) deep = [deep];
  expect(text(deep)).toBe('x');
});

test('a list in two places is read twice; one that contains itself is no text', () => {
  const twice: Term = ['a', 'b'];
  expect(text([twice, [twice], twice])).toBe('ababab');
  const own: Term[] = ['a'];
  own.push([own]);
  expect(() => text(own)).toThrow(expect.objectContaining({ code: 'badarg' }));
  const tail: Term[] = ['a'];
  tail.push(new ImproperList(['b'], tail));
  expect(() => text(tail)).toThrow(expect.objectContaining({ code: 'badarg' }));
});

test.each<[string, Term]>([
  ['an atom', atom('a')],
  ['a tuple', [tuple(1)]],
  ['a float', [1.5]],
  ['a negative number', [-1]],
  ['a surrogate', [0xd800]],
  ['a surrogate in a string', ['a\ud800']],
  ['a number beyond Unicode', [0x110000]],
  ['bytes that are not UTF-8', [Buffer.from([0xff])]],
  ['a character that does not end', [Buffer.of(0xc3), []]],
  ['a character that something else breaks off', [Buffer.of(0xc3), 120, Buffer.of(0xa4)]],
])('%s is no text', (_, term) => {
  expect(() => text(term)).toThrow(ArgumentError);
});
