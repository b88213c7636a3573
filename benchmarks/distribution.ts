// Messages over the wire: a BEAM with a node of ours, beside two BEAMs with each other, in one run on loopback.
// Each figure is the median of several rounds that take turns, so that a busy moment hits all alike.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Atom, atom, genServer, type Node, type Pid, startNode, type Term, Tuple, tuple } from 'erlnode';
import { epmd } from 'erlnode/discovery';

const root = new URL('../..', import.meta.url);
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    scale: { type: 'string', default: '1' },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log('npm run bench:dist -- [--rounds N] [--scale X] [--write]');
  console.log('  --rounds  rounds of each measurement, median taken (5)');
  console.log('  --scale   more or fewer messages (1)');
  console.log('  --write   write docs/THROUGHPUT.md');
  process.exit(0);
}
const rounds = Number(values.rounds);
const scaled = (count: number): number => Math.max(1, Math.round(count * Number(values.scale)));

const port = 20_000 + Math.floor(Math.random() * 20_000);
const cookie = 'benchmark';
const host = '127.0.0.1';
const A = `bench_a@${host}`;
const B = `bench_b@${host}`;
const children: ChildProcess[] = [];

/** Median; of the sorted half it is exact enough for an odd number of rounds. */
const middle = (all: readonly number[]): number => all.toSorted((a, b) => a - b)[all.length >> 1] as number;

function beam(name: string): void {
  const beams = fileURLToPath(new URL('.cache/benchmarks/', root));
  mkdirSync(beams, { recursive: true });
  execFileSync('erlc', ['-o', beams, fileURLToPath(new URL('benchmarks/dist_bench.erl', root))]);
  const args = ['-noinput', '-name', name, '-setcookie', cookie, '-pa', beams, '-start_epmd', 'false'];
  const loopback = ['-kernel', 'inet_dist_use_interface', '{127,0,0,1}'];
  const env = { ...process.env, ERL_EPMD_PORT: String(port) };
  children.push(spawn('erl', [...args, ...loopback, '-eval', 'dist_bench:start().'], { env, stdio: 'inherit' }));
}

async function reach(node: Node, name: string): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if ((await node.ping(name)) === 'pong' && (await node.rpc(name, 'erlang', 'whereis', [atom('server')]))) return;
    await sleep(50);
  }
  throw new Error(`${name} did not start`);
}

function serve(node: Node): void {
  node.spawn(
    async (self) => {
      for await (const message of self) {
        const [from, term] = message as Tuple<[Pid, Term]>;
        self.send(from, term);
      }
    },
    { name: 'echo' },
  );
  const done = atom('done');
  node.spawn(
    async (self) => {
      for await (const message of self) {
        if (message instanceof Tuple && message.elements[0] === done) self.send(message.elements[1] as Pid, done);
      }
    },
    { name: 'sink' },
  );
  node.spawn(genServer({ handleCall: (request) => request }), { name: 'server' });
}

const nanoseconds = async (work: () => Promise<unknown>): Promise<number> => {
  const start = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - start);
};

/** What a node of ours does to a BEAM; the same as dist_bench does. */
async function flood(node: Node, count: number, message: Term): Promise<number> {
  const me = node.spawnMailbox();
  const to = { name: 'sink', node: A };
  const time = await nanoseconds(async () => {
    for (let i = 0; i < count; i++) {
      me.send(to, message);
      if (i % 16 === 15) await node.drained(A);
    }
    me.send(to, tuple(atom('done'), me.pid));
    await me.receive((m) => m instanceof Atom);
  });
  me.exit();
  return time;
}

async function echo(node: Node, count: number): Promise<[number, number]> {
  const me = node.spawnMailbox();
  const times: number[] = [];
  for (let i = -count / 5; i < count; i++) {
    const time = await nanoseconds(async () => {
      me.send({ name: 'echo', node: A }, tuple(me.pid, i));
      await me.receive();
    });
    if (i >= 0) times.push(time);
  }
  me.exit();
  times.sort((a, b) => a - b);
  return [times[times.length >> 1] as number, times[Math.floor(times.length * 0.99)] as number];
}

async function calls(node: Node, callers: number, each: number): Promise<number> {
  const to = { name: 'server', node: A };
  return nanoseconds(() =>
    Promise.all(
      Array.from({ length: callers }, async () => {
        const me = node.spawnMailbox();
        for (let i = 0; i < each; i++) await me.call(to, tuple(atom('get'), i));
        me.exit();
      }),
    ),
  );
}

interface Row {
  readonly what: string;
  readonly unit: string;
  readonly beams: number;
  readonly into: number;
  readonly outOf: number;
  /** Higher is better for rates, lower for times; the ratio is written so that more than 1 is always good for us. */
  readonly lowerIsBetter?: boolean;
}

async function measure(node: Node): Promise<Row[]> {
  const rows: Row[] = [];
  const remote = async (name: string, ...args: Term[]): Promise<Term> =>
    node.rpc(A, 'dist_bench', name, args, { timeout: 120_000 });
  const there = atom(B);
  const here = atom(node.name);
  const add = async (
    what: string,
    unit: string,
    rate: (ns: number) => number,
    beams: () => Promise<number>,
    into: () => Promise<number>,
    outOf: () => Promise<number>,
    lowerIsBetter = false,
  ): Promise<void> => {
    const samples: [number[], number[], number[]] = [[], [], []];
    for (let round = 0; round <= rounds; round++) {
      for (const [i, work] of [beams, into, outOf].entries()) {
        const time = await work();
        // The first round warms up.
        if (round > 0) samples[i as 0 | 1 | 2].push(time);
      }
    }
    const [b, i, o] = samples.map((all) => rate(middle(all))) as [number, number, number];
    rows.push({ what, unit, beams: b, into: i, outOf: o, ...(lowerIsBetter ? { lowerIsBetter } : {}) });
    process.stderr.write(`  ${what}\n`);
  };
  const number = async (term: Promise<Term>): Promise<number> => Number(await term);

  const trips = scaled(2000);
  const at = (i: 0 | 1) => async (term: Promise<Term>) => Number(((await term) as Tuple).elements[i]);
  for (const [i, name] of ['p50', 'p99'].entries()) {
    const pick = at(i as 0 | 1);
    await add(
      `echo round trip, ${name}`,
      'µs',
      (ns) => ns / 1000,
      () => pick(remote('echo', there, trips)),
      () => pick(remote('echo', here, trips)),
      async () => (await echo(node, trips))[i] as number,
      true,
    );
  }
  const small = scaled(100_000);
  await add(
    'small messages, one way',
    'per second',
    (ns) => small / (ns / 1e9),
    () => number(remote('flood', there, small, atom('small'), 0)),
    () => number(remote('flood', here, small, atom('small'), 0)),
    () => flood(node, small, tuple(atom('position'), 12, 34, 'hello')),
  );
  const sizes: [string, number, number][] = [
    ['64 B', 64, 50_000],
    ['1 KB', 1024, 50_000],
    ['64 KB', 65_536, 3000],
    ['1 MB', 1_048_576, 200],
    ['16 MB', 16_777_216, 12],
  ];
  for (const [name, size, full] of sizes) {
    const count = scaled(full);
    const payload = Buffer.alloc(size, 7);
    await add(
      `binaries of ${name}`,
      'MB/s',
      (ns) => (count * size) / 1e6 / (ns / 1e9),
      () => number(remote('flood', there, count, atom('binary'), size)),
      () => number(remote('flood', here, count, atom('binary'), size)),
      () => flood(node, count, payload),
    );
  }
  for (const callers of [1, 10, 100]) {
    const each = scaled(callers === 1 ? 3000 : 10_000 / callers);
    await add(
      `gen_server calls, ${callers} caller${callers === 1 ? '' : 's'}`,
      'per second',
      (ns) => (callers * each) / (ns / 1e9),
      () => number(remote('calls', there, callers, each)),
      () => number(remote('calls', here, callers, each)),
      () => calls(node, callers, each),
    );
  }
  return rows;
}

function table(rows: readonly Row[]): string {
  const lines = [
    '| | unit | BEAM ↔ BEAM | into our node | ratio | out of our node | ratio |',
    '| --- | --- | --: | --: | --: | --: | --: |',
  ];
  const figure = (value: number): string => (value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString('en'));
  for (const { what, unit, beams, into, outOf, lowerIsBetter } of rows) {
    const ratio = (value: number): string => (lowerIsBetter ? beams / value : value / beams).toFixed(2);
    const cells = [what, unit, figure(beams), figure(into), ratio(into), figure(outOf), ratio(outOf)];
    lines.push(`| ${cells.join(' | ')} |`);
  }
  return lines.join('\n');
}

const node = await startNode(`bench_ts@${host}`, { cookie, discovery: epmd({ port, embedded: true }) });
try {
  serve(node);
  beam(A);
  beam(B);
  await reach(node, A);
  await reach(node, B);
  const release = (await node.rpc(A, 'erlang', 'system_info', [atom('otp_release')])) as number[];
  const rows = await measure(node);
  const version = (JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { version: string }).version;
  const machine = `erlnode ${version}, Node ${process.version}, OTP ${String.fromCharCode(...release)}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${new Date().toISOString().slice(0, 10)}; medians of ${rounds} rounds`;
  const text = `${table(rows)}\n\n${machine}. Ratios are to BEAM ↔ BEAM in the same run; more than 1 is better than that.\n`;
  console.log(text);
  if (values.write) {
    const head = '# Throughput and latency\n\nWritten by `npm run bench:dist -- --write`; do not edit.\n\n';
    writeFileSync(new URL('docs/THROUGHPUT.md', root), head + text);
  }
} finally {
  for (const child of children) child.kill('SIGKILL');
  await node.stop();
}
