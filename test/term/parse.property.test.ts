// What format writes, parse reads; and on texts that were tampered with, parse and OTP come to the same verdict.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ErlnodeError } from '../../src/errors.js';
import { equals } from '../../src/term/compare.js';
import { format } from '../../src/term/format.js';
import { parse } from '../../src/term/parse.js';
import type { Term } from '../../src/term/term.js';
import { literal } from './arbitrary.js';
import { type Judge, startJudge, TIME } from './judge.js';

let judge: Judge;
beforeAll(async () => {
  judge = await startJudge();
});
afterAll(() => judge.stop());

test('parse is the inverse of format', () => {
  fc.assert(
    fc.property(
      literal,
      fc.boolean(),
      fc.constantFrom<'latin1' | 'unicode'>('latin1', 'unicode'),
      (term, unicode, printable) => {
        expect(equals(parse(format(term, { unicode, printable })), term)).toBe(true);
        expect(equals(parse(` ${format(term)} . % done`), term)).toBe(true);
      },
    ),
  );
});

const piece = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...'{}[]()<>,|#=/:-+.$"\'\\ %_@!?;~^`\n'.split('')) },
  fc.constantFrom(
    '=>',
    '<<',
    '>>',
    'fun ',
    'a',
    'Z',
    '0',
    '1',
    '16#',
    '1.5',
    'e',
    '/utf8',
    ':3',
    '-little',
    'unit:2',
    '\\x',
    'é',
    'λ',
    '\x80',
  ),
);

/** A text with a few pieces taken out, put in or doubled. */
const tampered = fc
  .tuple(literal, fc.array(fc.tuple(fc.nat(), fc.nat(3), piece), { minLength: 1, maxLength: 3 }))
  .map(([term, changes]) => {
    let text = format(term);
    for (const [place, removed, added] of changes) {
      const at = place % (text.length + 1);
      text = text.slice(0, at) + added + text.slice(at + removed);
    }
    return text;
  });

/** Where OTP 25 does otherwise on purpose or by chance; each of them has a test of its own. */
function isKnownDifference(text: string): boolean {
  // Triple-quoted strings, sigils, and floats in other bases.
  if (judge.release > 25 && /""|\\\^|~|#\w*\.\w/.test(text)) return true;
  if (!text.isWellFormed() || /\\\^\?|-0\.0|\b(?:maybe|else)\b/.test(text)) return true;
  // Sizes so large that OTP would allocate what we refuse; floats of 16 or 32 bits, which OTP 25 lets overflow.
  return /:\d{5,}|float/.test(text);
}

test('verdicts on tampered texts', { timeout: TIME }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(tampered, { minLength: 30, maxLength: 60 }), async (all) => {
      const texts = all.filter((text) => !isKnownDifference(text));
      const judged = await judge.parsed(texts);
      for (const [i, text] of texts.entries()) {
        const ours = tryParse(text);
        const theirs = judged[i];
        const isSame = ours === undefined || theirs === undefined ? ours === theirs : equals(ours.term, theirs.term);
        expect(isSame, `${JSON.stringify(text)}: ${ours && format(ours.term)}, ${theirs && format(theirs.term)}`).toBe(
          true,
        );
      }
    }),
  );
});

function tryParse(text: string): { readonly term: Term } | undefined {
  try {
    return { term: parse(text) };
  } catch (error) {
    expect(error).toBeInstanceOf(ErlnodeError);
    return undefined;
  }
}
