// Tuples: indexable, iterable, destructurable, immutable, and never a list. See docs/decisions/0002-tuple.md.
import { expect, expectTypeOf, test } from 'vitest';
import { type Atom, atom } from '../../src/term/atom.js';
import type { Term } from '../../src/term/term.js';
import { Tuple, tuple, tupleFrom } from '../../src/term/tuple.js';

test('elements by index, by iteration, by destructuring', () => {
  const made = tuple(atom('ok'), 1, 'x');
  expect(made.length).toBe(3);
  expect(made[0]).toBe(atom('ok'));
  expect(made[2]).toBe('x');
  expect((made as Tuple)[3]).toBeUndefined();
  expect(made.at(-1)).toBe('x');
  expect([...made]).toEqual([atom('ok'), 1, 'x']);
  const [first, ...rest] = made;
  expect([first, rest]).toEqual([atom('ok'), [1, 'x']]);
  expect(made.elements).toEqual([atom('ok'), 1, 'x']);
});

test('one number is an element, not a length', () => {
  expect(tuple(3).length).toBe(1);
  expect(tuple()).toHaveLength(0);
});

test('is no list', () => {
  expect(Array.isArray(tuple(1))).toBe(false);
  expect(tuple(1)).toBeInstanceOf(Tuple);
});

test('does not change', () => {
  const made = tuple(1, 2) as unknown as Record<number, Term>;
  expect(() => {
    made[0] = 5;
  }).toThrow(TypeError);
});

test.each([255, 256, 1000])('%i elements', (size) => {
  const made = tupleFrom(Array.from({ length: size }, (_, i) => i)) as Tuple;
  expect(made.length).toBe(size);
  expect(made[0]).toBe(0);
  expect(made[254]).toBe(254);
  expect(made[size - 1]).toBe(size - 1);
  expect(made[size]).toBeUndefined();
  expect([...made].length).toBe(size);
  expect(made).toBeInstanceOf(Tuple);
  expect(made.at(-1)).toBe(size - 1);
});

test('types know the elements', () => {
  const made = tuple(atom('ok'), 1);
  expectTypeOf(made[0]).toEqualTypeOf<Atom<'ok'>>();
  const [, value] = made;
  expectTypeOf(value).toExtend<Term>();
  expectTypeOf<Tuple<[Atom<'ok'>, number]>[1]>().toEqualTypeOf<number>();
});
