// docs/THROUGHPUT.md: what was measured, as tables, and what follows from it, worked out from the same figures.
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { PART_NAMES } from './time-spent.js';

export interface Figure {
  readonly middle: number;
  readonly low: number;
  readonly high: number;
}

export interface Row {
  readonly what: string;
  readonly unit: string;
  /** BEAM ↔ BEAM, into our node, out of our node. */
  readonly figures: readonly Figure[];
  /** The ratio that was aimed at. */
  readonly goal: number | undefined;
  /** Less is better; the ratio is turned round, so that more than 1 is always good for us. */
  readonly times?: boolean;
  /** Whether lowest and highest are worth telling. */
  readonly range?: boolean;
}

export interface Measured {
  readonly messages: readonly Row[];
  readonly bare: readonly Row[];
  readonly time: readonly (readonly [what: string, spent: ReadonlyMap<string, number>])[];
  /** The table of bench:scale, unless it was left out. */
  readonly scale: string | undefined;
  /** The share of the processors that other programs had meanwhile, 0 to 1, if it is known. */
  readonly otherLoad: number | undefined;
  readonly otp: string;
  readonly rounds: number;
}

const root = new URL('../..', import.meta.url);

const figure = (value: number): string => (value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString('en'));

function cell({ middle, low, high }: Figure, range: boolean | undefined): string {
  return range === true ? `${figure(middle)} (${figure(low)}–${figure(high)})` : figure(middle);
}

/** How many times as good as BEAM ↔ BEAM; `column` 1 is into our node, 2 out of it. */
function ratio({ figures, times }: Row, column: 1 | 2): number {
  const beams = (figures[0] as Figure).middle;
  const ours = (figures[column] as Figure).middle;
  return times === true ? beams / ours : ours / beams;
}

function table(rows: readonly Row[], names: readonly [string, string, string]): string {
  const lines = [
    `| | unit | ${names[0]} | ${names[1]} | ratio | ${names[2]} | ratio | goal |`,
    '| --- | --- | --: | --: | --: | --: | --: | --: |',
  ];
  for (const row of rows) {
    const [beams, into, out] = row.figures.map((each) => cell(each, row.range));
    const goal = row.goal === undefined ? '' : row.goal.toFixed(2);
    const cells = [row.what, row.unit, beams, into, ratio(row, 1).toFixed(2), out, ratio(row, 2).toFixed(2), goal];
    lines.push(`| ${cells.join(' | ')} |`);
  }
  return lines.join('\n');
}

function timeTable(time: Measured['time']): string {
  const lines = [`| | ${time.map(([what]) => what).join(' | ')} |`, `| --- |${time.map(() => ' --: |').join('')}`];
  for (const part of PART_NAMES) {
    const shares = time.map(([, spent]) => spent.get(part) ?? 0);
    if (shares.every((share) => share < 0.005)) continue;
    lines.push(`| ${part} | ${shares.map((share) => `${Math.round(share * 100)} %`).join(' | ')} |`);
  }
  return lines.join('\n');
}

/** The goals that were not reached, and how near a bare socket comes to them. */
function shortOf({ messages, bare }: Measured): string {
  const missed: string[] = [];
  for (const row of messages) {
    for (const [column, direction] of [
      [1, 'into'],
      [2, 'out of'],
    ] as const) {
      if (row.goal === undefined || ratio(row, column) >= row.goal) continue;
      const floor = bare.find(({ what, unit }) => what === row.what || (unit === 'MB/s' && row.unit === 'MB/s'));
      const reached = `${ratio(row, column).toFixed(2)} of ${row.goal.toFixed(2)}`;
      const possible =
        floor === undefined
          ? ''
          : `; a bare socket reaches ${ratio(floor, column).toFixed(2)}, and we ${share(row, floor, column)} of that socket`;
      missed.push(`- ${row.what}, ${direction} our node: ${reached}${possible}.`);
    }
  }
  if (missed.length === 0) return 'Every goal was reached in this run.';
  return `Not reached in this run:\n\n${missed.join('\n')}`;
}

function share(row: Row, floor: Row, column: 1 | 2): string {
  const ours = (row.figures[column] as Figure).middle;
  const bare = (floor.figures[column] as Figure).middle;
  return (row.times === true ? bare / ours : ours / bare).toFixed(2);
}

export function page(measured: Measured): string {
  const { messages, bare, time, scale, otp, rounds } = measured;
  const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { version: string };
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`;
  const versions = `erlnode ${version}, Node.js ${process.version}, OTP ${otp}`;
  const parts = [
    '# Throughput and latency',
    'Written by `npm run bench:dist -- --write`; do not edit.',
    `${versions}, ${machine}, ${new Date().toISOString().slice(0, 10)}; loopback, medians of ${rounds} rounds (round trips: ${rounds * 2 + 1}, with the lowest and the highest). Each ratio is to BEAM ↔ BEAM in the same run; more than 1 is better than that. Our node runs on one thread, a BEAM on as many as there are processors.`,
    ...(measured.otherLoad === undefined
      ? []
      : [`Other programs had ${Math.round(measured.otherLoad * 100)} % of the processors meanwhile.`]),
    '## Messages',
    table(messages, ['BEAM ↔ BEAM', 'into our node', 'out of our node']),
    shortOf(measured),
    '## The floor: bare sockets',
    "The same run, the same peers, and none of our code: packets over `gen_tcp` on the BEAM's side, over a socket of Node's on ours that drops what it reads and writes what is ready. Nothing that is built on Node's sockets moves bytes more quickly; round trips can be quicker, as this floor is let fall asleep.",
    table(bare, ['gen_tcp ↔ gen_tcp', "into Node's socket", "out of Node's socket"]),
    '## Where the time goes',
    'Shares of the time in which our thread did not wait for events, from the sampling profiler of V8.',
    timeTable(time),
    [
      "**Large binaries in.** Node reads a socket in pieces of 64 KB, each of them memory of its own, and a message is put together from them in one copy. That memory is what V8's collector runs for: it counts bytes outside its heap, and starts a full collection, on every processor, for every few dozen megabytes. Reading into one memory again and again was tried and gained nothing: the copies ate it ([decision 0011](decisions/0011-large-binaries.md)). On the way out there is no copy: binaries of 16 KB and more go to the socket from where they lie.",
      '',
      '**Round trips.** Whether a processor has to be woken decides between one kind of figure and another two or three times as large, for BEAMs too; that is the range above. While answers come quickly our event loop waits awake ([decision 0012](decisions/0012-busy-wait.md)); in the profile that counts as event loop.',
      '',
      '**Small messages.** On the way out, what a turn of the event loop produces is one write ([decision 0010](decisions/0010-one-write-per-turn.md)), and coding is what is left. On the way in, a BEAM writes a few messages at a time; to be woken for them and to read them costs more than all that is done with them.',
    ].join('\n'),
  ];
  if (scale !== undefined) {
    parts.push('## One node', 'From `npm run bench:scale`, everything in one operating-system process.', scale.trim());
  }
  return `${parts.join('\n\n')}\n`;
}
