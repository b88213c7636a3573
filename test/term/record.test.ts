// OTP 29's native records.
import { expect, test } from 'vitest';
import { internAtom } from '../../src/term/atom.js';
import { NativeRecord } from '../../src/term/record.js';

test('values by the names of their fields', () => {
  const fields = ['x', 'y'].map((name) => internAtom(name));
  const record = new NativeRecord(internAtom('geo'), internAtom('point'), true, fields, [1, 2]);
  expect([record.get('x'), record.get('y'), record.get('z')]).toEqual([1, 2, undefined]);
});
