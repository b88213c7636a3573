// npm run bench: the codec against others and against the BEAM's own, as ratios of one run on one machine.
// --full takes its time and writes docs/BENCHMARKS.md; --json prints everything measured; a name limits the payloads;
// --others=<folder> names where codecs of others are installed (others.ts).
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encode } from 'erlnode/etf';
import type { Task } from './etf-one.js';
import { installedOthers, OTHERS } from './others.js';
import { type Payload, payloads } from './payloads.js';
import { type Machine, markdown, type Result, table } from './report.js';
import type { Timing } from './timing.js';

const full = process.argv.includes('--full');
const json = process.argv.includes('--json');
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const chosen = payloads.filter(({ name }) => wanted.length === 0 || wanted.some((each) => name.startsWith(each)));
const [rounds, sliceMs, warmMs] = full ? [15, 40, 15] : [5, 10, 6];
const folder = process.argv.find((argument) => argument.startsWith('--others='))?.slice('--others='.length);
const others = folder ?? process.env['ERLNODE_BENCH_OTHERS'];
const root = fileURLToPath(new URL('../..', import.meta.url));

function progress(line: string): void {
  if (!json) process.stderr.write(`${line}\n`);
}

interface Beam {
  readonly release: string;
  readonly time: (payload: Payload) => Pick<Result, 'beamEncode' | 'beamDecode'>;
}

/** OTP's own codec; `undefined` without erl. */
function beam(work: string): Beam | undefined {
  const erl = (program: string): string =>
    execFileSync('erl', ['-noinput', '-eval', `${program}, halt().`], { encoding: 'utf8', cwd: work }).trim();
  try {
    const source = quote(join(root, 'benchmarks', 'etf_bench'));
    const release = erl(`{ok, _} = compile:file(${source}, []), io:format("~ts", [erlang:system_info(otp_release)])`);
    return {
      release,
      // Right before ours, so that the machine is in the same mood.
      time({ term, keys }) {
        const bytes = encode(term, { keys });
        const size = Buffer.alloc(4);
        size.writeUInt32BE(bytes.length);
        writeFileSync(join(work, 'payload'), Buffer.concat([size, bytes]));
        const numbers = erl(`etf_bench:run("payload", ${rounds}, ${sliceMs})`).split(' ').map(Number);
        const [median = 0, low = 0, high = 0, decodeMedian = 0, decodeLow = 0, decodeHigh = 0] = numbers;
        const beamDecode: Timing = { median: decodeMedian, low: decodeLow, high: decodeHigh };
        return { beamEncode: { median, low, high }, beamDecode };
      },
    };
  } catch (error) {
    progress(`without erl's own times (${(error as Error).message.split('\n')[0]})`);
    return undefined;
  }
}

function quote(path: string): string {
  return JSON.stringify([...path].map((character) => character.codePointAt(0)));
}

progress(`${full ? 'full' : 'quick'} run: ${chosen.length} payloads`);
const installed = installedOthers(others);
const missing = OTHERS.filter((name) => !installed.some((other) => other.name === name));
if (missing.length > 0) progress(`  not installed, so not measured: ${missing.join(', ')}`);
const worker = fileURLToPath(new URL('etf-one.js', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'erlnode-bench-'));
const erlang = beam(work);
const results: Result[] = chosen.map((payload, i) => {
  const { name, about } = payload;
  const times = erlang?.time(payload) ?? {};
  const task: Task = { name, rounds, sliceMs, warmMs, profiled: full, others };
  const out = execFileSync(process.execPath, ['--expose-gc', worker, JSON.stringify(task)], { encoding: 'utf8' });
  progress(`  ${i + 1}/${chosen.length} ${name}`);
  // A codec may print to the same output.
  const last = out.trimEnd().split('\n').at(-1) ?? '';
  return { name, about, ...(JSON.parse(last) as Pick<Result, 'encode' | 'decode'>), ...times };
});
rmSync(work, { recursive: true, force: true });

const machine: Machine = {
  cpu: `${cpus()[0]?.model ?? 'unknown'} × ${cpus().length}`,
  node: process.version,
  otp: erlang?.release ?? 'not installed',
  rounds,
  sliceMs,
  others: installed.map(({ name, version }) => `${name} ${version}`),
  missing,
};
if (json) console.log(JSON.stringify({ machine, results }, null, 1));
else console.log(table(results));
if (full && wanted.length === 0) {
  writeFileSync(join(root, 'docs', 'BENCHMARKS.md'), markdown(machine, results));
  progress('wrote docs/BENCHMARKS.md');
}
