// What was measured, as a table for the terminal and as docs/BENCHMARKS.md.
import { ALONE } from './codecs.js';
import type { Share } from './profile.js';
import type { Timing } from './timing.js';
import { WHY } from './why.js';

export interface Result {
  readonly name: string;
  readonly about: string;
  readonly encode: Readonly<Record<string, Timing>>;
  readonly decode: Readonly<Record<string, Timing>>;
  readonly beamEncode?: Timing;
  readonly beamDecode?: Timing;
  readonly encodeProfile?: readonly Share[];
  readonly decodeProfile?: readonly Share[];
}

export interface Machine {
  readonly cpu: string;
  readonly node: string;
  readonly otp: string;
  readonly rounds: number;
  readonly sliceMs: number;
  /** Codecs of others, with their versions, and those that are not installed. */
  readonly others: readonly string[];
  readonly missing: readonly string[];
}

const MSGPACK = '@msgpack/msgpack';

/** The goals of the codec: how many times as fast as @msgpack and the BEAM it should be, encoding and decoding. */
const GOALS: Readonly<Record<string, readonly [number, number, number, number]>> = {
  a_gencall: [6, 1.2, 4, 2.8],
  b_gateway: [3.5, 0.6, 6, 1.7],
  c_ints1k: [8, 2, 2.2, 1.5],
  c2_bytes1k: [15, 3, 4, 0.9],
  d_floats1k: [7, 1.6, 2.2, 1.6],
  e_mixed10k: [4.5, 2.2, 2, 2.7],
  f_bin1m: [4, 1.3, 2, 300],
  g_deep1000: [2.5, 0.5, 2, 0.6],
  h_rows1k: [3.5, 0.75, 5, 7],
  i1_ascii64k: [60, 0.6, 1.8, 0.25],
  i2_utf8_64k: [4, 0.04, 6, 0.03],
  j_chat: [5.5, 1.2, 6, 1.6],
  k_chat_utf8: [4, 0.9, 3, 0.75],
};

/** How many times as fast as the reference we are. */
function ratio(ours: Timing | undefined, reference: Timing | undefined): number | undefined {
  return ours === undefined || reference === undefined ? undefined : reference.median / ours.median;
}

const WHERE = ['encode, @msgpack', 'encode, BEAM', 'decode, @msgpack', 'decode, BEAM'] as const;

interface Row {
  readonly name: string;
  readonly ratios: readonly (number | undefined)[];
  readonly goals: readonly (number | undefined)[];
}

/** Encoding is judged where a connection does it: into the send buffer. */
const ENCODE = 'erlnode encodeInto';

function rowOf(result: Result): Row {
  const encode = result.encode[ENCODE];
  const decode = result.decode['erlnode'];
  return {
    name: result.name,
    ratios: [
      ratio(encode, result.encode[MSGPACK]),
      ratio(encode, result.beamEncode),
      ratio(decode, result.decode[MSGPACK]),
      ratio(decode, result.beamDecode),
    ],
    goals: GOALS[result.name] ?? [],
  };
}

function number(value: number | undefined): string {
  if (value === undefined) return '–';
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function cell(value: number | undefined, goal: number | undefined): string {
  if (value === undefined) return '–';
  if (goal === undefined) return number(value);
  return `${number(value)} ${value >= goal ? '≥' : '**<**'} ${goal}`;
}

export function table(results: readonly Result[]): string {
  const head = ['payload', 'encode ×@msgpack', '×BEAM', 'decode ×@msgpack', '×BEAM', 'ns encode', 'ns decode'];
  const lines = results.map((result) => {
    const { name, ratios, goals } = rowOf(result);
    return [
      name,
      ...ratios.map((value, i) => cell(value, goals[i]).replaceAll('**', '')),
      (result.encode[ENCODE]?.median ?? 0).toFixed(0),
      (result.decode['erlnode']?.median ?? 0).toFixed(0),
    ];
  });
  const all = [head, ...lines];
  const widths = head.map((_, column) => Math.max(...all.map((line) => (line[column] as string).length)));
  return all.map((line) => line.map((text, i) => text.padEnd(widths[i] as number)).join('  ')).join('\n');
}

function spread({ median, low, high }: Timing): string {
  return `${number(median)} (${number(low)}–${number(high)})`;
}

function codecTable(results: readonly Result[], side: 'encode' | 'decode'): string {
  const beamSide = side === 'encode' ? 'beamEncode' : 'beamDecode';
  const names = [...new Set(results.flatMap((result) => Object.keys(result[side])))];
  const lines = results.map((result) => {
    const cells = names.map((name) => {
      const timing = result[side][name];
      return timing === undefined ? '–' : spread(timing);
    });
    const beam = result[beamSide];
    return `| ${[result.name, ...cells, beam === undefined ? '–' : spread(beam)].join(' | ')} |`;
  });
  return [
    `| ns per ${side} | ${names.join(' | ')} | BEAM |`,
    `| --- |${' --: |'.repeat(names.length + 1)}`,
    ...lines,
  ].join('\n');
}

/** A payload's goals that were missed on one side, and what there is to say about it. */
function missedOf(result: Result, side: 'encode' | 'decode'): string | undefined {
  const { name, ratios, goals } = rowOf(result);
  const missed = [0, 1].flatMap((other) => {
    const i = (side === 'encode' ? 0 : 2) + other;
    const value = ratios[i];
    const goal = goals[i];
    if (value === undefined || goal === undefined || value >= goal) return [];
    return [`${other === 0 ? '@msgpack' : 'BEAM'} ${number(value)} of ${goal}`];
  });
  if (missed.length === 0) return undefined;
  const shares = (side === 'encode' ? result.encodeProfile : result.decodeProfile) ?? [];
  const spent = shares.map(({ where, part }) => `${where} ${(part * 100).toFixed(0)} %`).join(', ');
  const alone = side === 'decode' ? result.decode[ALONE] : undefined;
  const ours = result.decode['erlnode'];
  const floor =
    alone === undefined || ours === undefined
      ? ''
      : ` Making the string alone, without any decoding, takes ${((100 * alone.median) / ours.median).toFixed(0)} % of our time.`;
  const profile = spent === '' ? '' : ` Time: ${spent}.`;
  return `- **${name}, ${side}** (${missed.join('; ')}): ${WHY[name]?.[side] ?? ''}${floor}${profile}`;
}

export function markdown(machine: Machine, results: readonly Result[]): string {
  const rows = results.map(rowOf);
  const losses = rows.flatMap(({ name, ratios }) => {
    return ratios.flatMap((value, i) =>
      value !== undefined && value < 1 ? [`- ${name} (${WHERE[i]}): ${number(value)} ×`] : [],
    );
  });
  const cells = rows.flatMap(({ ratios, goals }) => ratios.map((value, i) => ({ value, goal: goals[i] })));
  const judged = cells.filter(({ value, goal }) => value !== undefined && goal !== undefined);
  const met = judged.filter(({ value, goal }) => (value as number) >= (goal as number));
  const quicker = results.flatMap((result) =>
    (['encode', 'decode'] as const).flatMap((side) => {
      const ours = result[side][side === 'encode' ? ENCODE : 'erlnode'];
      return machine.others.flatMap((other) => {
        const name = other.split(' ')[0] as string;
        const value = ratio(ours, result[side][name]);
        return value !== undefined && value < 1 ? [`- ${result.name} (${side}, ${name}): ${number(value)} ×`] : [];
      });
    }),
  );
  const missed = results.flatMap((result) =>
    (['encode', 'decode'] as const).flatMap((side) => missedOf(result, side) ?? []),
  );
  const refused = results.flatMap(({ name, encode }) => {
    const not = machine.others.filter((other) => encode[other.split(' ')[0] as string] === undefined);
    return not.length === 0 ? [] : [`${name}: ${not.join(', ')}`];
  });
  const others = [
    machine.others.length === 0 ? '' : `Others: ${machine.others.join(', ')}.`,
    machine.missing.length === 0 ? '' : `Not installed: ${machine.missing.join(', ')}.`,
    refused.length === 0
      ? ''
      : `Not measured, because what they give back is not what they were given — ${refused.join('; ')}.`,
  ];
  return `<!-- Written by \`npm run bench -- --full\`; do not edit. -->
# Benchmarks of the codec

Machine: ${machine.cpu}. Node.js ${machine.node}, OTP ${machine.otp}. ${machine.rounds} rounds of ${machine.sliceMs} ms for each function, the
functions taking turns; the middle of the rounds counts, lowest and highest in brackets: where they lie far apart, others
were at work on the machine. Each payload is measured in a
process of its own in which every codec has met all payloads before; OTP is measured right before it. Absolute times
belong to this machine; compare ratios.

${others.filter((text) => text !== '').join('\n')}

## How many times as fast

${met.length} of ${judged.length} goals are met. Each cell: measured, and the goal. Encoding writes into a given buffer (\`encodeInto\`), as a connection does; decoding
gives strings for binaries and objects for maps, as the others do.

| payload | encode × @msgpack | encode × BEAM | decode × @msgpack | decode × BEAM |
| --- | --: | --: | --: | --: |
${rows.map(({ name, ratios, goals }) => `| ${name} | ${ratios.map((value, i) => cell(value, goals[i])).join(' | ')} |`).join('\n')}

## Where a goal is missed

${missed.length === 0 ? 'Nowhere in this run.' : missed.join('\n')}

## Where we lose

${losses.length + quicker.length === 0 ? 'Nowhere in this run.' : [...losses, ...quicker].join('\n')}

## Everything measured

${codecTable(results, 'encode')}

${codecTable(results, 'decode')}

## Payloads

${results.map(({ name, about }) => `- **${name}**: ${about}`).join('\n')}

erlpack and erlang_js speak the External Term Format, too. erlang_js has terms of its own and leaves binaries and strings
as they are: it is measured with what it decodes from our bytes.

Checks that the codec makes and most others do not: every length against the bytes left, nesting, atoms' lengths and UTF-8,
duplicate keys, finite floats, canonical output.
`;
}
