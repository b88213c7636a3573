// The codec against OTP: the same bytes for the same terms, and the same verdict on damaged ones.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DecodeError, LimitError } from '../../src/errors.js';
import { type DecodeOptions, decode, encode } from '../../src/etf/index.js';
import { NativeRecord } from '../../src/term/record.js';
import type { Term } from '../../src/term/term.js';
import { type Encodings, hasWidePort, type Oracle, startOracle } from './oracle.js';

let oracle: Oracle;
let whole: readonly Encodings[];
/** What we write with the bytes of this OTP. */
let corpus: readonly Encodings[];
beforeAll(async () => {
  oracle = await startOracle();
  whole = await oracle.corpus();
  corpus = whole.filter(({ minor2, minor0 }) => ![minor2, minor0].some((bytes) => hasWidePort(oracle.release, bytes)));
}, 60_000);
afterAll(() => oracle.stop());

const EXACT: DecodeOptions = { floats: 'exact' };

describe('canonical bytes', () => {
  test('minor version 2', () => {
    expect(corpus.length).toBeGreaterThan(270);
    for (const { minor2 } of corpus) expect(encode(decode(minor2, EXACT)).toString('hex')).toBe(minor2.toString('hex'));
  });

  test.each([
    [1, 'minor1'],
    [0, 'minor0'],
  ] as const)('minor version %i', (minorVersion, which) => {
    for (const encodings of corpus) {
      const bytes = encodings[which];
      expect(encode(decode(bytes, EXACT), { minorVersion }).toString('hex')).toBe(bytes.toString('hex'));
    }
  });

  test('deterministic', () => {
    for (const { minor2, deterministic } of corpus) {
      const term = decode(minor2, EXACT);
      expect(encode(term, { deterministic: true }).toString('hex')).toBe(deterministic.toString('hex'));
    }
  });

  test('compressed, in and out', async () => {
    for (const { minor2, compressed } of corpus) {
      expect(encode(decode(compressed, EXACT)).equals(minor2)).toBe(true);
    }
    for (const level of [true, 0, 1, 9] as const) {
      const ours = corpus.map(({ minor2 }) => encode(decode(minor2, EXACT), { compressed: level }));
      expect(ours.some((bytes) => bytes[1] === 80)).toBe(level !== 0);
      const judged = await oracle.judge(ours);
      for (const [i, { minor2 }] of corpus.entries()) expect(judged[i]?.equals(minor2)).toBe(true);
    }
  });

  test('with strings and objects, still the same term', async () => {
    const pairs = whole.map(({ minor2 }) => {
      const term = decode(minor2, { floats: 'exact', binaries: 'string' });
      return [minor2, encode(term)] as const;
    });
    expect(await oracle.differing(pairs)).toEqual([]);
  });
});

describe('damaged bytes', () => {
  /** What we say to an input; `undefined` when it must not be shown to OTP. */
  function verdict(input: Uint8Array): Term | DecodeError | LimitError {
    try {
      return decode(input, { floats: 'exact', allowTrailing: true });
    } catch (error) {
      if (error instanceof DecodeError || error instanceof LimitError) return error;
      throw error;
    }
  }

  async function compareVerdicts(inputs: readonly Uint8Array[]): Promise<number> {
    const cases = inputs
      .map((input) => ({ input, ours: verdict(input) }))
      .filter(({ ours, input }) => !neverShown(ours, input));
    const theirs = await oracle.judge(cases.map(({ input }) => input));
    const pairs: [Uint8Array, Uint8Array][] = [];
    const quarrels: string[] = [];
    for (const [i, { input, ours }] of cases.entries()) {
      const judged = theirs[i];
      if (judged === undefined) {
        if (ours instanceof Error || (oracle.release < 29 && hasRecord(ours))) continue;
        if (isOldZeroKey(oracle.release, input) || isLocal(input)) continue;
        quarrels.push(`accepted, OTP refuses: ${Buffer.from(input).toString('hex')}`);
      } else if (ours instanceof Error) {
        if (!isStricter(ours)) quarrels.push(`OTP accepts: ${ours.message}: ${Buffer.from(input).toString('hex')}`);
      } else pairs.push([input, encode(ours)]);
    }
    for (const i of await oracle.differing(pairs)) {
      quarrels.push(`another term: ${Buffer.from((pairs[i] as [Uint8Array, Uint8Array])[0]).toString('hex')}`);
    }
    expect(quarrels.slice(0, 20)).toEqual([]);
    return cases.length;
  }

  /** Without large ones, which would only repeat what small ones say. */
  const seeds = () =>
    whole.flatMap(({ minor2, minor1, minor0 }) => [minor2, minor1, minor0]).filter((b) => b.length <= 120);

  test('every truncation', async () => {
    const inputs: Uint8Array[] = [];
    for (const seed of seeds()) for (let size = 0; size < seed.length; size++) inputs.push(seed.subarray(0, size));
    for (const input of inputs) expect(verdict(input)).toBeInstanceOf(DecodeError);
    expect(await compareVerdicts(inputs)).toBeGreaterThan(2000);
  });

  test('every bit flip', async () => {
    const inputs: Uint8Array[] = [];
    for (const seed of new Set(seeds().map((bytes) => bytes.toString('latin1')))) {
      for (let bit = 8; bit < seed.length * 8; bit++) {
        const input = Buffer.from(seed, 'latin1');
        input[bit >> 3] = (input[bit >> 3] as number) ^ (1 << (bit & 7));
        inputs.push(input);
      }
    }
    expect(await compareVerdicts(inputs)).toBeGreaterThan(20_000);
  }, 60_000);

  test('every other tag, and foreign insides', async () => {
    const inputs: Uint8Array[] = [];
    for (const seed of corpus.map(({ minor2 }) => minor2).filter((bytes) => bytes.length <= 120)) {
      for (let tag = 60; tag < 132; tag++) {
        for (let at = 1; at < Math.min(seed.length, 4); at++) {
          const input = Buffer.from(seed);
          input[at] = tag;
          inputs.push(input);
        }
      }
    }
    expect(await compareVerdicts(inputs)).toBeGreaterThan(15_000);
  }, 60_000);
});

/** Inputs that a live runtime is never shown, because some release may not survive them. */
function neverShown(ours: unknown, input: Uint8Array): boolean {
  // A damaged closure of the judge's own module, internal tags, a fun of too many arguments, an odd bitstring.
  if (Buffer.from(input).includes('tf_oracle') || Buffer.from(input).includes('etf_oracl')) return true;
  if (!(ours instanceof DecodeError)) return false;
  return (
    /tag 7[35] |expected an arity/.test(ours.message) ||
    (ours.code === 'bad_bitstring' && / 0 bytes/.test(ours.message))
  );
}

/** Where we refuse what OTP takes; docs/LIMITS.md has the list. */
function isStricter(error: Error): boolean {
  return /expected a pid as the creator of a fun/.test(error.message);
}

/** OTP has internal limits for identifiers that name itself. */
function isLocal(input: Uint8Array): boolean {
  return Buffer.from(input).includes('nonode@nohost');
}

function isOldZeroKey(release: number, input: Uint8Array): boolean {
  return release < 27 && Buffer.from(input).includes(Buffer.from('468000000000000000', 'hex'));
}

function hasRecord(term: unknown): boolean {
  if (term instanceof NativeRecord) return true;
  if (term instanceof Map) return [...term].flat().some(hasRecord);
  if (Array.isArray(term)) return term.some(hasRecord);
  if (typeof term !== 'object' || term === null || term instanceof Uint8Array) return false;
  return Object.values(term).some(hasRecord);
}
