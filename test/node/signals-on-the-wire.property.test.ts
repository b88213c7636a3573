// The model of links and monitors (test/process/world.ts) over real connections: atom cache, fragments, cuts at any byte,
// large messages that small ones of other processes overtake.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ANNOUNCED_FLAGS, DFLAG } from '../../src/dist/flags.js';
import { internAtom } from '../../src/term/atom.js';
import { tuple } from '../../src/term/tuple.js';
import { at, cut, delivery, run, type Step, step } from '../process/world.js';
import { WiredCluster } from './wired-cluster.js';

const bulk = Buffer.alloc(300_000, 'abcdefg');

/** Messages of several fragments, and atoms that fill the cache again and again. */
const load: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(at, at, fc.integer({ min: 60_000, max: bulk.length })).map(
    ([one, other, size]): Step =>
      (world) =>
        world.living(one).send(world.any(other).pid, bulk.subarray(0, size)),
  ),
  fc.tuple(at, at, fc.nat(4000)).map(
    ([one, other, first]): Step =>
      (world) => {
        const atoms = Array.from({ length: 300 }, (_, i) => internAtom(`model_${(first + i) % 4000}`));
        world.living(one).send(world.any(other).pid, tuple(...atoms));
      },
  ),
);

const any = fc.oneof(
  { weight: 6, arbitrary: step },
  { weight: 2, arbitrary: load },
  { weight: 6, arbitrary: delivery },
  { weight: 1, arbitrary: cut },
);

test.each([
  ['atom cache and fragments', ANNOUNCED_FLAGS],
  ['an atom cache', ANNOUNCED_FLAGS & ~DFLAG.DFLAG_FRAGMENTS],
  ['fragments', ANNOUNCED_FLAGS & ~DFLAG.DFLAG_DIST_HDR_ATOM_CACHE],
  ['neither', ANNOUNCED_FLAGS & ~DFLAG.DFLAG_FRAGMENTS & ~DFLAG.DFLAG_DIST_HDR_ATOM_CACHE],
])('with %s', (_what, flags) => {
  let fragmented = 0;
  fc.assert(
    fc.property(fc.array(any, { maxLength: 60 }), (steps) => {
      let cluster: WiredCluster | undefined;
      run(steps, (options) => {
        cluster = new WiredCluster(options, flags);
        return cluster;
      });
      fragmented += cluster?.fragmented ?? 0;
    }),
    { numRuns: Math.max(200, Number(process.env['FC_RUNS'] ?? 0)) },
  );
  // Otherwise this has shown less than it says.
  expect(fragmented > 0).toBe((flags & DFLAG.DFLAG_FRAGMENTS) !== 0n);
});
