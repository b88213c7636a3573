// Floats that must stay floats.
import { expect, test } from 'vitest';
import { ArgumentError } from '../../src/errors.js';
import { Float, float } from '../../src/term/float.js';

test('counts as its number', () => {
  expect(float(1)).toBeInstanceOf(Float);
  expect(float(1).value).toBe(1);
  expect(Number(float(1.5))).toBe(1.5);
  expect(Object.is(float(-0).value, -0)).toBe(true);
});

test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('Erlang has no %d', (value) => {
  expect(() => float(value)).toThrow(ArgumentError);
});
