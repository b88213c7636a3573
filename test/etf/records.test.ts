// Native records that OTP 29's own syntax made: the same bytes, order and text. Older releases refuse ours.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decode, encode } from '../../src/etf/index.js';
import { internAtom } from '../../src/term/atom.js';
import { compare } from '../../src/term/compare.js';
import { format } from '../../src/term/format.js';
import { NativeRecord } from '../../src/term/record.js';
import { type Oracle, startOracle } from './oracle.js';

let oracle: Oracle;
let records: Awaited<ReturnType<Oracle['records']>>;
beforeAll(async () => {
  oracle = await startOracle();
  records = await oracle.records();
}, 60_000);
afterAll(() => oracle.stop());

const EXACT = { floats: 'exact' } as const;

describe('native records', () => {
  test('are there since OTP 29, and refused before', async () => {
    expect(records.length).toBe(oracle.release < 29 ? 0 : 11);
    const [module, name, x] = ['m', 'r', 'x'].map((text) => internAtom(text)) as [never, never, never];
    const ours = encode(new NativeRecord(module, name, true, [x], [[1.5]]));
    expect(await oracle.judge([ours])).toEqual([oracle.release < 29 ? undefined : ours]);
  });

  test('have the bytes that OTP gives them', () => {
    for (const { minor2, minor1, minor0, deterministic, compressed } of records) {
      const term = decode(minor2, EXACT);
      expect(encode(term).toString('hex')).toBe(minor2.toString('hex'));
      expect(encode(term, { minorVersion: 1 }).toString('hex')).toBe(minor1.toString('hex'));
      expect(encode(term, { minorVersion: 0 }).toString('hex')).toBe(minor0.toString('hex'));
      expect(encode(term, { deterministic: true }).toString('hex')).toBe(deterministic.toString('hex'));
      for (const other of [minor1, minor0, deterministic]) expect(compare(decode(other, EXACT), term)).toBe(0);
      expect(encode(decode(compressed, EXACT)).equals(minor2)).toBe(true);
    }
  });

  test('are sorted as lists:sort/1 sorts them', async () => {
    const all = records.map(({ minor2 }) => minor2);
    const ours = all.toSorted((a, b) => compare(decode(a, EXACT), decode(b, EXACT)));
    expect(ours.map(String)).toEqual((await oracle.sorted(all)).map(String));
  });

  test('are printed as OTP prints them', () => {
    for (const { minor2, text } of records) {
      if (!text.includes('#Fun<')) expect(format(decode(minor2, EXACT))).toBe(text.replace(/<\d+\./g, '<0.'));
    }
  });

  test('are refused when they are cut off anywhere', () => {
    for (const { minor2 } of records) {
      for (let size = 0; size < minor2.length; size++) {
        expect(() => decode(minor2.subarray(0, size))).toThrow(expect.objectContaining({ code: 'truncated' }));
      }
    }
  });
});
