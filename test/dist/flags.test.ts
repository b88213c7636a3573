import { expect, test } from 'vitest';
import {
  ANNOUNCED_FLAGS,
  DFLAG,
  expandDigest,
  flagNames,
  hasFlags,
  MANDATORY_FLAGS,
  REQUIRED_FLAGS,
} from '../../src/dist/flags.js';

test('the mandatory sets are the ones that the releases check', () => {
  expect(MANDATORY_FLAGS[23]).toBe(0x50184n);
  expect(MANDATORY_FLAGS[25]).toBe(0x1070f94n);
  expect(MANDATORY_FLAGS[26]).toBe(0x403070f94n);
});

test('we announce what OTP 29 does when hidden, and every release finds its mandatory set in that', () => {
  expect(ANNOUNCED_FLAGS.toString(16)).toBe('6d07df7fbc');
  expect(hasFlags(ANNOUNCED_FLAGS, DFLAG.DFLAG_PUBLISHED)).toBe(false);
  for (const set of Object.values(MANDATORY_FLAGS)) expect(hasFlags(ANNOUNCED_FLAGS, set)).toBe(true);
});

test.each([
  ['23.2', 0x101df7fbdn],
  ['25, 26, 27', 0xd07df7fbdn],
  ['28', 0x2d07df7fbdn],
  ['29', 0x6d07df7fbdn],
])('OTP %s announces all that we require', (_release, flags) => {
  expect(hasFlags(flags, REQUIRED_FLAGS)).toBe(true);
});

test('the digest bit stands for the set of OTP 25', () => {
  expect(expandDigest(DFLAG.DFLAG_MANDATORY_25_DIGEST)).toBe(0x5070f94n);
  expect(expandDigest(DFLAG.DFLAG_SPAWN)).toBe(DFLAG.DFLAG_SPAWN);
});

test('no two flags share a bit, and none is one of the internal bits', () => {
  const bits = Object.values(DFLAG);
  expect(bits.reduce((all, bit) => all | bit, 0n)).toBe(bits.reduce((sum, bit) => sum + bit, 0n));
  expect(bits.reduce((all, bit) => all | bit, 0n) & (0x8000n | 0x200000n | (1n << 36n))).toBe(0n);
});

test('flags have names, also those that we do not know', () => {
  expect(flagNames(0n)).toEqual([]);
  expect(flagNames(0x1n | (1n << 34n) | (1n << 36n) | (1n << 63n))).toEqual([
    'DFLAG_PUBLISHED',
    'DFLAG_V4_NC',
    '1 << 36',
    '1 << 63',
  ]);
});
