// Funs by name.
import { expect, test } from 'vitest';
import { ArgumentError } from '../../src/errors.js';
import { internAtom } from '../../src/term/atom.js';
import { externalFun } from '../../src/term/fun.js';

test('fun lists:map/2', () => {
  const made = externalFun('lists', 'map', 2);
  expect([made.module, made.function, made.arity]).toEqual([internAtom('lists'), internAtom('map'), 2]);
  expect(externalFun('true', 'nil', 0).module).toBe(internAtom('true'));
});

test.each([-1, 256, 1.5, Number.NaN])('an arity of %d is refused', (arity) => {
  expect(() => externalFun('m', 'f', arity)).toThrow(ArgumentError);
});
