// Random terms of every type print as OTP prints them.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { float } from '../../src/term/float.js';
import { format } from '../../src/term/format.js';
import { anyTerm, finite } from './arbitrary.js';
import { type Judge, SCALE, startJudge, TIME } from './judge.js';

let judge: Judge;
beforeAll(async () => {
  judge = await startJudge(['-enable-feature', 'maybe_expr']);
});
afterAll(() => judge.stop());

function asAtHome(text: string): string {
  return text.replace(/(<|#Port<|#Ref<)\d+\.(?=\d+[.>])/g, '$10.');
}

test('random terms', { timeout: TIME }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyTerm, { minLength: 1, maxLength: 30 }), async (terms) => {
      const printed = await judge.printed(terms);
      expect(printed.map(({ term }) => format(term))).toEqual(printed.map(({ text }) => asAtHome(text)));
    }),
  );
});

test('random terms at random depths', { timeout: TIME }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyTerm, { minLength: 1, maxLength: 30 }), fc.nat(9), async (terms, depth) => {
      const printed = await judge.printed(terms, '~0tP', String(depth));
      expect(printed.map(({ term }) => format(term, { depth }))).toEqual(printed.map(({ text }) => asAtHome(text)));
    }),
  );
});

test('random floats', { timeout: TIME }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(finite, { minLength: 50, maxLength: 200 }), async (values) => {
      const printed = await judge.printed(values.map(float));
      expect(values.map((value) => format(float(value)))).toEqual(printed.map(({ text }) => text));
    }),
  );
});

test("OTP's own random terms", { timeout: TIME }, async () => {
  const first = fc.sample(fc.nat(2 ** 30), 1)[0] as number;
  for (let seed = first; seed < first + SCALE; seed++) {
    const printed = await judge.printed(await judge.random(seed, 3000));
    const wrong = printed.filter(({ term, text }) => format(term) !== asAtHome(text));
    expect(wrong, `seed ${seed}`).toEqual([]);
  }
});
