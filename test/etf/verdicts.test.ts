// The verdict on every malformed variant of every tag, compared with that of the OTP which runs: what it refuses is refused
// here, what it takes in is the same term, and where that is not so, it stands in the list below and in docs/LIMITS.md.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DecodeError, LimitError } from '../../src/errors.js';
import { decode, encode } from '../../src/etf/index.js';
import type { Term } from '../../src/term/term.js';
import { verdicts } from '../fixtures/verdicts.js';
import { type Oracle, startOracle } from './oracle.js';

/** Where releases differ from each other, or from us: whether OTP takes these rows in. */
const differences: readonly { readonly rows: RegExp; readonly accepts: (release: number) => boolean }[] = [
  // Limits of a release.
  { rows: /^LARGE_BIG_EXT of 524,281/, accepts: (release) => release < 27 },
  { rows: /^V4_PORT_EXT|^(NEW_)?PORT_EXT id [1f]/, accepts: (release) => release >= 24 },
  { rows: /^(NEW_)?PID_EXT id (0+8000|0+ serial 00002|f)/, accepts: (release) => release >= 24 },
  { rows: /^NEW(ER)?_REFERENCE_EXT [45] words/, accepts: (release) => release >= 24 },
  // Younger than the release.
  { rows: /^keys: (0.0 and -0.0|\{0.0\})/, accepts: (release) => release >= 27 },
  {
    rows: /^RECORD_EXT (of a field|exported|of none|of 64|of 256|fields in another|module in ATOM_EXT)/,
    accepts: (release) => release >= 29,
  },
  // Only OTP 23 looks at the size of a closure.
  { rows: /^NEW_FUN_EXT size 2\^32-1/, accepts: (release) => release >= 24 },
  // Stricter here.
  { rows: / 5 in an empty list$/, accepts: () => true },
];

let oracle: Oracle;
beforeAll(async () => {
  oracle = await startOracle();
}, 60_000);
afterAll(() => oracle.stop());

function verdict(wire: Uint8Array): Term | DecodeError | LimitError {
  try {
    return decode(wire, { floats: 'exact', allowTrailing: true });
  } catch (error) {
    if (error instanceof DecodeError || error instanceof LimitError) return error;
    throw error;
  }
}

test('names are said once, and every difference is there', () => {
  expect(new Set(verdicts.map(({ name }) => name)).size).toBe(verdicts.length);
  for (const { rows } of differences) expect(verdicts.some(({ name }) => rows.test(name))).toBe(true);
});

test('verdicts and terms are those of OTP', async () => {
  const answers = await oracle.judge(verdicts.map(({ wire }) => wire));
  const quarrels: string[] = [];
  const pairs: [Uint8Array, Uint8Array][] = [];
  const paired: string[] = [];
  for (const [i, { name, wire }] of verdicts.entries()) {
    const ours = verdict(wire);
    const weAccept = !(ours instanceof DecodeError || ours instanceof LimitError);
    const rule = differences.find(({ rows }) => rows.test(name));
    const otpAccepts = answers[i] !== undefined;
    const expected = rule === undefined ? weAccept : rule.accepts(oracle.release);
    if (otpAccepts !== expected)
      quarrels.push(`${name}: OTP ${otpAccepts ? 'accepts' : 'refuses'}, we ${weAccept ? 'do' : `do not: ${ours}`}`);
    if (otpAccepts && weAccept) {
      pairs.push([wire, encode(ours)]);
      paired.push(name);
    }
  }
  for (const i of await oracle.differing(pairs)) quarrels.push(`${paired[i]}: another term`);
  expect(quarrels).toEqual([]);
  expect(pairs.length).toBeGreaterThan(oracle.release < 24 ? 150 : 180);
}, 60_000);

test('refusals say what was expected and where, with and without trailing bytes, and in every mode', () => {
  for (const { name, wire } of verdicts) {
    const ours = verdict(wire);
    if (ours instanceof DecodeError) {
      expect(ours.offset, name).toBeGreaterThanOrEqual(0);
      expect(ours.offset, name).toBeLessThanOrEqual(wire.length);
      expect(ours.message, name).toMatch(/^(expected |[A-Z_]+EXT promises |an? |[A-Z_]+ ).+ \(at byte \d+\)$/s);
    }
    for (const options of [
      { maps: 'object', binaries: 'string' },
      { copyBinaries: true, safe: true },
    ] as const) {
      const again = (() => {
        try {
          return decode(wire, { ...options, allowTrailing: true });
        } catch (error) {
          return error;
        }
      })();
      if (ours instanceof Error && !(again instanceof DecodeError && again.code === 'unknown_atom')) {
        expect(again, name).toEqual(ours);
      }
    }
    // What is around it changes the offset and nothing else.
    if (wire[1] === 80 || !(ours instanceof DecodeError) || ours.code === 'truncated') continue;
    const inside = Buffer.concat([Buffer.of(131, 104, 2, 106), wire.subarray(1), Buffer.alloc(10, 106)]);
    expect(verdict(inside), name).toMatchObject({ code: ours.code, offset: ours.offset + 3 });
  }
});
