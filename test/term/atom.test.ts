// Atoms are interned as long as anybody holds one, and forgotten when nobody does.
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { ArgumentError } from '../../src/errors.js';
import { Atom, atom, atomCount, internAtom, quoteAtom } from '../../src/term/atom.js';

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

test('one text is one atom', () => {
  const ok = atom('ok');
  expect(ok).toBe(atom(['o', 'k'].join('')));
  expect(ok).toBeInstanceOf(Atom);
  expect(ok.text).toBe('ok');
  expect(String(ok)).toBe('ok');
  expect(JSON.stringify({ ok })).toBe('{"ok":"ok"}');
  expect(atom('')).toBe(atom(''));
  expect(atom('__proto__')).toBe(internAtom('__proto__'));
});

test('four of them have JavaScript words', () => {
  expect([atom('true'), atom('false'), atom('undefined'), atom('nil')]).toEqual([true, false, undefined, null]);
  expect(internAtom('nil').text).toBe('nil');
  expect(internAtom('nil')).toBe(internAtom('nil'));
});

describe('limits', () => {
  test('255 characters, however many units', () => {
    expect((atom('x'.repeat(255)) as Atom).text.length).toBe(255);
    expect((atom('😀'.repeat(255)) as Atom).text.length).toBe(510);
    expect(() => atom('x'.repeat(256))).toThrow(ArgumentError);
    expect(() => atom('😀'.repeat(256))).toThrow(ArgumentError);
    expect(() => atom('x'.repeat(10_000_000))).toThrow(/at most 255 characters/);
  });

  test('text, and well-formed', () => {
    expect(() => atom('a\ud800')).toThrow(/lone surrogate/);
    expect(() => atom(1 as unknown as string)).toThrow(/must be a string/);
  });
});

test('atoms that nobody holds are forgotten, one that somebody holds stays itself', async () => {
  const held = atom('held by the test');
  const before = atomCount();
  for (let i = 0; i < 200_000; i++) atom(`passing ${i}`);
  expect(atomCount()).toBeGreaterThan(before + 100_000);
  // Two generations of recent ones are held on purpose.
  for (let i = 0; i < 100 && atomCount() > before + 20_000; i++) {
    collectGarbage();
    await sleep(10);
  }
  expect(atomCount()).toBeLessThan(before + 20_000);
  expect(atom('held by the test')).toBe(held);
});

test.each([
  ['ok', 'ok'],
  ['', "''"],
  ['Ok', "'Ok'"],
  ['a b', "'a b'"],
  ["it's", "'it\\'s'"],
  ['a\\b\n', "'a\\\\b\\n'"],
  ['\0\x07\x7f\x80\x9f', "'\\000\\007\\d\\200\\237'"],
  ['été', 'été'],
  ['λ', "'λ'"],
  ['if', "'if'"],
  ['maybe', "'maybe'"],
  ['node@host', 'node@host'],
])('%j is %s in Erlang', (text, quoted) => {
  expect(quoteAtom(text)).toBe(quoted);
});

test('without Unicode', () => {
  expect(quoteAtom('λ😀é', false)).toBe("'\\x{3BB}\\x{1F600}é'");
});
