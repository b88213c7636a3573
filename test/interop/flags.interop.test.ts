// The tables of distribution flags against the release that runs: a new OTP major with flags of its own fails here first.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ANNOUNCED_FLAGS, flagNames, MANDATORY_FLAGS } from '../../src/dist/flags.js';
import { type Erlang, startErlang } from '../support/erlang.js';

let e: Erlang;
/** What the emulator says it announces when hidden, and what it insists on. */
let announced: bigint;
let mandatory: bigint;

beforeAll(async () => {
  e = await startErlang({ name: false });
  const answer = await e.eval('D = erts_internal:get_dflags(), {element(2, D), element(3, D)}.');
  [announced, mandatory] = Array.from(answer.matchAll(/\d+/g), ([digits]) => BigInt(digits)) as [bigint, bigint];
});
afterAll(() => e.stop());

test('what it insists on is what our table has for its release, and in what we announce', () => {
  const [, ours = 0n] = Object.entries(MANDATORY_FLAGS).findLast(([since]) => Number(since) <= Number(e.release)) ?? [];
  expect(flagNames(mandatory)).toEqual(flagNames(ours));
  expect(flagNames(mandatory & ~ANNOUNCED_FLAGS)).toEqual([]);
});

test('what it announces we announce, too', () => {
  expect(flagNames(announced & ~ANNOUNCED_FLAGS)).toEqual([]);
});
