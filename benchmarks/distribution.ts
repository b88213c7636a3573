// Messages over the wire: a BEAM with a node of ours, beside two BEAMs with each other, in one run on loopback.
// Each figure is the median of several rounds that take turns, so that a busy moment hits all alike.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Atom, atom, genServer, type Node, type Pid, startNode, type Term, Tuple, tuple } from 'erlnode';
import { epmd } from 'erlnode/discovery';
import { bareEcho, bareFlood, bareServer } from './bare-sockets.js';
import { otherLoad } from './other-load.js';
import { type Figure, page, type Row } from './throughput-page.js';
import { timeSpent } from './time-spent.js';

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
  console.log('  --write   write docs/THROUGHPUT.md, with the table of bench:scale');
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

const sorted = (all: readonly number[]): number[] => all.toSorted((a, b) => a - b);
/** Median; of the sorted half it is exact enough for an odd number of rounds. */
const middle = (all: readonly number[]): number => sorted(all)[all.length >> 1] as number;
const quantiles = (all: readonly number[]): [number, number] => [
  middle(all),
  sorted(all)[Math.floor(all.length * 0.99)] as number,
];

function beam(name: string): void {
  const beams = fileURLToPath(new URL('.cache/benchmarks/', root));
  mkdirSync(beams, { recursive: true });
  execFileSync('erlc', ['-o', beams, fileURLToPath(new URL('benchmarks/dist_bench.erl', root))]);
  const args = ['-noinput', '-name', name, '-setcookie', cookie, '-pa', beams, '-start_epmd', 'false'];
  // Whoever disconnects a node that has just connected makes it write a report; here that is the work itself.
  const kernel = ['-kernel', 'inet_dist_use_interface', '{127,0,0,1}', '-kernel', 'logger_level', 'critical'];
  const env = { ...process.env, ERL_EPMD_PORT: String(port) };
  children.push(spawn('erl', [...args, ...kernel, '-eval', 'dist_bench:start().'], { env, stdio: 'inherit' }));
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
  node.expose('dist_bench', { nothing: () => atom('ok') });
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
  return quantiles(times);
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

async function spawns(node: Node, count: number): Promise<number> {
  const me = node.spawnMailbox();
  const time = await nanoseconds(async () => {
    for (let i = 0; i < count; i++) await me.spawnRequest(A, 'dist_bench', 'nothing', []);
  });
  me.exit();
  return time;
}

async function connects(node: Node, count: number): Promise<number> {
  return nanoseconds(async () => {
    for (let i = 0; i < count; i++) {
      node.disconnect(A);
      await node.connect(A);
    }
  });
}

type Work = () => Promise<number>;

/** Several figures of the works in turn: the medians, lowest and highest of all rounds but the first, which warms up. */
async function inTurn(works: readonly (() => Promise<readonly number[]>)[], times: number): Promise<Figure[][]> {
  const samples: (readonly number[])[][] = works.map(() => []);
  for (let round = 0; round <= times; round++) {
    for (const [i, work] of works.entries()) {
      const figures = await work();
      if (round > 0) samples[i]?.push(figures);
    }
  }
  return samples.map((all) =>
    (all[0] as readonly number[]).map((_, figure) => {
      const each = all.map((figures) => figures[figure] as number);
      return { middle: middle(each), low: Math.min(...each), high: Math.max(...each) };
    }),
  );
}

class Run {
  readonly rows: Row[] = [];
  readonly node: Node;

  constructor(node: Node) {
    this.node = node;
  }

  /** What a BEAM does when asked by us. */
  async remote(name: string, ...args: Term[]): Promise<Term> {
    return this.node.rpc(A, 'dist_bench', name, args, { timeout: 120_000 });
  }

  async rate(
    what: string,
    unit: string,
    goal: number | undefined,
    per: (ns: number) => number,
    works: readonly Work[],
  ) {
    const figures = await inTurn(
      works.map((work) => async () => [await work()]),
      rounds,
    );
    const rates = figures.map(([figure]) => {
      const { middle: ns, low, high } = figure as Figure;
      return { middle: per(ns), low: per(high), high: per(low) };
    });
    this.add({ what, unit, goal, figures: rates });
  }

  /** Nanoseconds of round trips: half and the slowest hundredth. */
  async trips(what: string, goal: number, works: readonly (() => Promise<readonly number[]>)[]): Promise<void> {
    // They are short, and differ most from one moment to the next.
    const all = await inTurn(works, rounds * 2 + 1);
    for (const [i, quantile] of ['p50', 'p99'].entries()) {
      const figures = all.map((each) => {
        const { middle: ns, low, high } = each[i] as Figure;
        return { middle: ns / 1000, low: low / 1000, high: high / 1000 };
      });
      const row = { what: `${what}, ${quantile}`, unit: 'µs', figures, times: true, range: true };
      this.add({ ...row, goal: i === 0 ? goal : undefined });
    }
  }

  private add(row: Row): void {
    this.rows.push(row);
    process.stderr.write(`  ${row.what}\n`);
  }
}

const there = atom(B);
const ours = `bench_ts@${host}`;
const here = atom(ours);
const pair = (term: Term): number[] => [...(term as Tuple<[number, number]>).elements].map(Number);
const small = tuple(atom('position'), 12, 34, 'hello');
const TRIPS = scaled(2000);
const SMALL = scaled(100_000);

async function measureMessages(node: Node): Promise<Row[]> {
  const run = new Run(node);
  const number = async (name: string, ...args: Term[]): Promise<number> => Number(await run.remote(name, ...args));
  await run.trips('echo round trip', 1 / 1.5, [
    async () => pair(await run.remote('echo', there, TRIPS)),
    async () => pair(await run.remote('echo', here, TRIPS)),
    () => echo(node, TRIPS),
  ]);
  await run.rate('small messages, one way', 'per second', 1, (ns) => SMALL / (ns / 1e9), [
    () => number('flood', there, SMALL, atom('small'), 0),
    () => number('flood', here, SMALL, atom('small'), 0),
    () => flood(node, SMALL, small),
  ]);
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
    await run.rate(`binaries of ${name}`, 'MB/s', size > 10_000 ? 1 : undefined, (ns) => (count * size) / (ns / 1e3), [
      () => number('flood', there, count, atom('binary'), size),
      () => number('flood', here, count, atom('binary'), size),
      () => flood(node, count, payload),
    ]);
  }
  for (const callers of [1, 10, 100]) {
    const each = scaled(callers === 1 ? 3000 : 10_000 / callers);
    const per = (ns: number): number => (callers * each) / (ns / 1e9);
    await run.rate(`gen_server calls, ${callers} caller${callers === 1 ? '' : 's'}`, 'per second', undefined, per, [
      () => number('calls', there, callers, each),
      () => number('calls', here, callers, each),
      () => calls(node, callers, each),
    ]);
  }
  const spawned = scaled(2000);
  await run.rate('processes spawned there, one by one', 'per second', undefined, (ns) => spawned / (ns / 1e9), [
    () => number('spawns', there, spawned),
    () => number('spawns', here, spawned),
    () => spawns(node, spawned),
  ]);
  const connected = scaled(50);
  const told = node.spawnMailbox();
  const connecting = async (to: Atom): Promise<number> => {
    await run.remote('connects', to, connected, told.pid);
    const [, ns] = (await told.receive()) as Tuple<[Atom, number]>;
    return Number(ns);
  };
  await run.rate('connections made, one by one', 'per second', undefined, (ns) => connected / (ns / 1e9), [
    () => connecting(there),
    () => connecting(here),
    () => connects(node, connected),
  ]);
  told.exit();
  return run.rows;
}

/** The same without the distribution, and without us. */
async function measureBare(node: Node): Promise<Row[]> {
  const run = new Run(node);
  const beams = Number(await node.rpc(B, 'dist_bench', 'bare_serve', []));
  const a = Number(await run.remote('bare_serve'));
  const server = await bareServer();
  try {
    await run.trips('echo round trip', 1 / 1.5, [
      async () => pair(await run.remote('bare_echo', beams, TRIPS)),
      async () => pair(await run.remote('bare_echo', server.port, TRIPS)),
      async () => quantiles(await bareEcho(a, TRIPS)),
    ]);
    // As large as the fragments that large messages are cut into; no byte of the length is a 1.
    const size = 65_532;
    const count = scaled(3000);
    await run.rate('packets of 64 KB', 'MB/s', 1, (ns) => (count * size) / (ns / 1e3), [
      async () => Number(await run.remote('bare_flood', beams, count, size)),
      async () => Number(await run.remote('bare_flood', server.port, count, size)),
      () => bareFlood(a, count, size),
    ]);
    return run.rows;
  } finally {
    server.close();
  }
}

/** Where our process spends its time with some of it. */
async function measureTime(node: Node): Promise<[string, Map<string, number>][]> {
  const remote = (...args: [string, ...Term[]]): (() => Promise<Term>) => {
    const [name, ...rest] = args;
    return () => node.rpc(A, 'dist_bench', name, rest, { timeout: 120_000 });
  };
  const large = Buffer.alloc(1_048_576, 7);
  const works: [string, () => Promise<unknown>][] = [
    ['small messages in', remote('flood', here, SMALL * 3, atom('small'), 0)],
    ['small messages out', () => flood(node, SMALL * 3, small)],
    ['1 MB in', remote('flood', here, scaled(600), atom('binary'), large.length)],
    ['1 MB out', () => flood(node, scaled(600), large)],
    ['calls in, 10 callers', remote('calls', here, 10, scaled(2000))],
  ];
  const spent: [string, Map<string, number>][] = [];
  for (const [what, work] of works) {
    await work();
    spent.push([what, await timeSpent(work)]);
  }
  return spent;
}

const node = await startNode(ours, { cookie, discovery: epmd({ port, embedded: true }) });
try {
  serve(node);
  beam(A);
  beam(B);
  await reach(node, A);
  await reach(node, B);
  const release = (await node.rpc(A, 'erlang', 'system_info', [atom('otp_release')])) as number[];
  const scale = values.write
    ? execFileSync(process.execPath, ['--expose-gc', fileURLToPath(new URL('scale.js', import.meta.url))], {
        encoding: 'utf8',
      })
    : undefined;
  const others = otherLoad([process.pid, ...children.map(({ pid }) => pid as number)]);
  const text = page({
    messages: await measureMessages(node),
    bare: await measureBare(node),
    time: await measureTime(node),
    otherLoad: others(),
    scale,
    otp: String.fromCharCode(...release),
    rounds,
  });
  console.log(text);
  if (values.write) writeFileSync(new URL('docs/THROUGHPUT.md', root), text);
} finally {
  for (const child of children) child.kill('SIGKILL');
  await node.stop();
}
