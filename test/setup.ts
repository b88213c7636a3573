// FC_RUNS=100000 npx vitest run turns every property into a fuzz run; FC_SEED=… replays one.
import fc from 'fast-check';

const { FC_RUNS, FC_SEED } = process.env;
fc.configureGlobal({
  ...(FC_RUNS === undefined ? {} : { numRuns: Number(FC_RUNS) }),
  ...(FC_SEED === undefined ? {} : { seed: Number(FC_SEED) }),
});
