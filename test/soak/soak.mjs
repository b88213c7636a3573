// `npm run soak -- [--minutes N] [PROGRAM...]`: what only shows after a long time: reconnect storms, lost ticks, leaks.
// By hand, with a real BEAM beside it and a line of progress every few seconds; not part of `npm test`. Ends with status 1
// when something is wrong.
import { readdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { startBeam } from './beam.mjs';
import { reconnect } from './reconnect.mjs';
import { ticks } from './ticks.mjs';
import { traffic } from './traffic.mjs';

const PROGRAMS = { reconnect, ticks, traffic };
const MiB = 1024 * 1024;
/** What memory may grow by once it has settled (promise 12). */
const MAY_GROW = 20 * MiB;

const usage = `npm run soak -- [--minutes N] [PROGRAM...]     each program for N minutes (5); the programs, default all:

  reconnect   connections lost in every way, again and again, with links, monitors, calls and spawns on them
  ticks       BEAMs that are stopped for a while, and an event loop that hangs: down exactly when it should be
  traffic     all sorts of messages both ways, new atoms, large binaries, calls: nothing is lost, memory is flat
`;

function descriptors() {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return Number.NaN;
  }
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

/** Memory and descriptors over time. */
class Watch {
  samples = [];

  sample() {
    for (let i = 0; i < 3; i++) globalThis.gc?.();
    const { rss, heapUsed, external } = process.memoryUsage();
    const now = { rss, used: heapUsed + external, descriptors: descriptors() };
    this.samples.push(now);
    return now;
  }

  /** Of the later two thirds, the end against the beginning. */
  problems() {
    const settled = this.samples.slice(Math.floor(this.samples.length / 3));
    const quarter = Math.max(1, Math.floor(settled.length / 4));
    const growth = (what) =>
      median(settled.slice(-quarter).map((each) => each[what])) -
      median(settled.slice(0, quarter).map((each) => each[what]));
    const [rss, used, more] = ['rss', 'used', 'descriptors'].map(growth);
    console.log(
      `  growth after the first third: rss ${(rss / MiB).toFixed(1)} MiB, in use ${(used / MiB).toFixed(1)} MiB, ${more} descriptors`,
    );
    const problems = [];
    if (used > MAY_GROW) problems.push(`memory in use has grown by ${(used / MiB).toFixed(1)} MiB`);
    if (rss > 3 * MAY_GROW) problems.push(`the process has grown by ${(rss / MiB).toFixed(1)} MiB`);
    if (more > 10) problems.push(`${more} descriptors more than before`);
    return problems;
  }
}

async function run(name, minutes) {
  console.log(`== ${name}, ${minutes} minutes`);
  const end = performance.now() + minutes * 60_000;
  const watch = new Watch();
  const problems = [];
  const state = {};
  const fail = (what) => {
    console.log(`  PROBLEM: ${what}`);
    problems.push(what);
  };
  const line = () => {
    const { rss, used, descriptors: open } = watch.sample();
    const left = Math.max(0, Math.round((end - performance.now()) / 1000));
    const told = Object.entries(state).map(([key, value]) => `${key} ${value}`);
    console.log(
      `  ${told.join(', ')}; rss ${(rss / MiB).toFixed(0)} MiB, in use ${(used / MiB).toFixed(1)} MiB, ${open} descriptors; ${left} s to go`,
    );
  };
  const progress = setInterval(line, Math.min(10_000, (minutes * 60_000) / 20));
  try {
    await PROGRAMS[name]({ startBeam, fail, state, goesOn: () => performance.now() < end && problems.length < 10 });
  } catch (error) {
    fail(error.stack ?? String(error));
  } finally {
    clearInterval(progress);
  }
  line();
  return [...problems, ...watch.problems()].map((problem) => `${name}: ${problem}`);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: 'string', default: '5' }, help: { type: 'boolean' } },
});
const names = positionals.length > 0 ? positionals : Object.keys(PROGRAMS);
const minutes = Number(values.minutes);
if (values.help === true || !(minutes > 0) || names.some((name) => !(name in PROGRAMS))) {
  console.log(usage);
  process.exit(values.help === true ? 0 : 2);
}
const problems = [];
for (const name of names) problems.push(...(await run(name, minutes)));
console.log(problems.length === 0 ? '\nNothing is wrong.' : `\nWrong:\n${problems.join('\n')}`);
process.exit(problems.length === 0 ? 0 : 1);
