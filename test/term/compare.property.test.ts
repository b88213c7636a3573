// Random terms of every type: order and equality are OTP's.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compare, compareExact, equals } from '../../src/term/compare.js';
import { anyTerm } from './arbitrary.js';
import { type Judge, SCALE, startJudge, TIME } from './judge.js';

let judge: Judge;
beforeAll(async () => {
  judge = await startJudge();
});
afterAll(() => judge.stop());

test('sorting random terms is lists:sort/1', { timeout: TIME }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyTerm, { minLength: 20, maxLength: 60 }), async (terms) => {
      const order = terms.map((_, place) => place).sort((x, y) => compare(terms[x], terms[y]));
      expect(order).toEqual(await judge.sorted(terms));
    }),
  );
});

test('random terms relate as in OTP', { timeout: TIME }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyTerm, { minLength: 2, maxLength: 12 }), async (terms) => {
      const pairs = terms.flatMap((x) => terms.map((y) => [x, y] as const));
      const related = await judge.related(pairs);
      for (const [i, [x, y]] of pairs.entries()) {
        const expected = {
          smaller: compare(x, y) < 0,
          equal: compare(x, y) === 0,
          same: equals(x, y),
          smallerKey: compareExact(x, y) < 0,
        };
        expect(related[i]).toEqual(expected);
      }
    }),
  );
});

test("OTP's own random terms sort as lists:sort/1", { timeout: TIME }, async () => {
  const first = fc.sample(fc.nat(2 ** 30), 1)[0] as number;
  for (let seed = first; seed < first + SCALE; seed++) {
    const terms = await judge.random(seed, 2000);
    const order = terms.map((_, place) => place).sort((x, y) => compare(terms[x], terms[y]));
    expect(order, `seed ${seed}`).toEqual(await judge.sorted(terms));
  }
});

test('a total order: antisymmetric, transitive, and 0 exactly for what is equal', () => {
  fc.assert(
    fc.property(anyTerm, anyTerm, anyTerm, (x, y, z) => {
      for (const order of [compare, compareExact]) {
        expect(order(x, y) + order(y, x)).toBe(0);
        // As places, because sort() itself puts `undefined` last.
        const terms = [x, y, z];
        const places = [0, 1, 2].sort((one, two) => order(terms[one], terms[two]));
        const [low, middle, high] = places.map((place) => terms[place]);
        expect(order(low, middle)).toBeLessThanOrEqual(0);
        expect(order(low, high)).toBeLessThanOrEqual(0);
      }
      expect(equals(x, y)).toBe(compareExact(x, y) === 0);
    }),
  );
});
