// The differential fuzzer: OTP makes random terms of every type, we decode and re-encode them, OTP compares.
// ETF_FUZZ=1000000 ETF_SEED=7 npx vitest run test/etf/fuzz.test.ts for any number of terms, and to repeat a run.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DecodeOptions, decode, encode } from '../../src/etf/index.js';
import { hasWidePort, type Oracle, startOracle } from './oracle.js';

const { ETF_FUZZ = '20000', ETF_SEED } = process.env;
const count = Number(ETF_FUZZ);
const firstSeed = Number(ETF_SEED ?? Math.floor(Math.random() * 2 ** 31));
const BATCH = 5000;

let oracle: Oracle;
beforeAll(async () => {
  oracle = await startOracle();
});
afterAll(() => oracle.stop());

/** Every way of decoding that loses nothing. */
const WAYS: readonly DecodeOptions[] = [
  { floats: 'exact' },
  { floats: 'exact', binaries: 'string' },
  { floats: 'exact', copyBinaries: true, safe: true },
];

test(
  `${count} random terms from seed ${firstSeed} on`,
  async () => {
    for (let done = 0; done < count; done += BATCH) {
      const seed = firstSeed + done / BATCH;
      const terms = await oracle.random(seed, Math.min(BATCH, count - done));
      const pairs: [Buffer, Buffer][] = [];
      let wide = 0;
      for (const [i, bytes] of terms.entries()) {
        const again = WAYS.map((way) => encode(decode(bytes, way)));
        if (again.every((each) => each.equals(bytes))) {
          // The very bytes that OTP wrote are the term; now and then OTP is asked all the same.
          if (i % 50 === 0) pairs.push([bytes, again[0] as Buffer]);
        } else {
          for (const each of again) pairs.push([bytes, each]);
          if (hasWidePort(oracle.release, bytes)) wide += again.length;
        }
      }
      const differing = await oracle.differing(pairs);
      expect(
        differing.map((i) => (pairs[i] as [Buffer, Buffer])[0].toString('hex')),
        `seed ${seed}`,
      ).toEqual([]);
      // Everything that was written canonically must come back so, and deterministic bytes must not depend on the way.
      const ours = `seed ${seed}: bytes that are not OTP's`;
      expect(pairs.length - wide, ours).toBeLessThanOrEqual(Math.ceil(terms.length / 50));
    }
  },
  Math.max(60_000, count * 3),
);
