// npm run bench: the codec against others and against the BEAM's own, as ratios of one run on one machine.
// --full takes its time and writes docs/BENCHMARKS.md; --json prints everything measured; a name limits the payloads.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encode } from 'erlnode/etf';
import { payloads } from './payloads.js';
import { type Machine, markdown, type Result, table } from './report.js';
import type { Timing } from './timing.js';

const full = process.argv.includes('--full');
const json = process.argv.includes('--json');
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const chosen = payloads.filter(({ name }) => wanted.length === 0 || wanted.some((each) => name.startsWith(each)));
const [rounds, sliceMs] = full ? [15, 60] : [5, 12];
const root = fileURLToPath(new URL('../..', import.meta.url));

function progress(line: string): void {
  if (!json) process.stderr.write(`${line}\n`);
}

/** OTP's times for each chosen payload; `undefined` without erl. */
function beam():
  | { readonly release: string; readonly times: readonly Pick<Result, 'beamEncode' | 'beamDecode'>[] }
  | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'erlnode-bench-'));
  try {
    const packets = chosen.flatMap(({ term, keys }) => {
      const bytes = encode(term, { keys });
      const size = Buffer.alloc(4);
      size.writeUInt32BE(bytes.length);
      return [size, bytes];
    });
    writeFileSync(join(folder, 'payloads'), Buffer.concat(packets));
    const source = join(root, 'benchmarks', 'etf_bench');
    const program = `{ok, etf_bench, Code} = compile:file(${quote(source)}, [binary]), {module, _} = code:load_binary(etf_bench, "etf_bench", Code),
      io:format("~ts~n", [erlang:system_info(otp_release)]), etf_bench:run(${quote(join(folder, 'payloads'))}, ${rounds}, ${sliceMs}), halt().`;
    const out = execFileSync('erl', ['-noinput', '-eval', program], { encoding: 'utf8', cwd: folder });
    const [release = '', ...lines] = out.trim().split('\n');
    const times = lines.map((line) => {
      const [median = 0, low = 0, high = 0, decodeMedian = 0, decodeLow = 0, decodeHigh = 0] = line
        .split(' ')
        .map(Number);
      const beamDecode: Timing = { median: decodeMedian, low: decodeLow, high: decodeHigh };
      return { beamEncode: { median, low, high }, beamDecode };
    });
    return { release, times };
  } catch (error) {
    progress(`without erl's own times (${(error as Error).message.split('\n')[0]})`);
    return undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function quote(path: string): string {
  return JSON.stringify([...path].map((character) => character.codePointAt(0)));
}

progress(`${full ? 'full' : 'quick'} run: ${chosen.length} payloads`);
const worker = fileURLToPath(new URL('etf-one.js', import.meta.url));
const erlang = beam();
if (erlang !== undefined) progress(`  OTP ${erlang.release} measured`);
const results: Result[] = chosen.map((payload, i) => {
  const args = ['--expose-gc', worker, payload.name, String(rounds), String(sliceMs)];
  const measured = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Pick<
    Result,
    'encode' | 'decode'
  >;
  progress(`  ${i + 1}/${chosen.length} ${payload.name}`);
  const { name, about } = payload;
  return { name, about, ...measured, ...(erlang?.times[i] ?? {}) };
});

const machine: Machine = {
  cpu: `${cpus()[0]?.model ?? 'unknown'} × ${cpus().length}`,
  node: process.version,
  otp: erlang?.release ?? 'not installed',
  rounds,
  sliceMs,
};
if (json) console.log(JSON.stringify({ machine, results }, null, 1));
else console.log(table(results));
if (full && wanted.length === 0) {
  writeFileSync(join(root, 'docs', 'BENCHMARKS.md'), markdown(machine, results));
  progress('wrote docs/BENCHMARKS.md');
}
