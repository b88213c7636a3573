// OTP as the judge of the codec: one Erlang node with etf_oracle loaded.
import { startBulkErlang } from '../support/bulk-erlang.js';

export interface Encodings {
  readonly minor2: Buffer;
  readonly minor1: Buffer;
  readonly minor0: Buffer;
  readonly deterministic: Buffer;
  readonly compressed: Buffer;
}

export interface Oracle {
  readonly release: number;
  /** Terms of every type, with the boundaries of each, as OTP writes them. */
  corpus(): Promise<readonly Encodings[]>;
  /** Native records as OTP 29 makes them, nested in other terms, too; none before. */
  records(): Promise<readonly (Encodings & { readonly text: string })[]>;
  /** For each input: what OTP makes of it when it writes the term again; `undefined` when it refuses the input. */
  judge(inputs: readonly Uint8Array[]): Promise<readonly (Buffer | undefined)[]>;
  /** The indexes of those pairs that are not the same term (`=:=`). */
  differing(pairs: readonly (readonly [Uint8Array, Uint8Array])[]): Promise<readonly number[]>;
  /** Random terms of every type. */
  random(seed: number, count: number): Promise<readonly Buffer[]>;
  /** The inputs in the order of their terms. */
  sorted(inputs: readonly Uint8Array[]): Promise<readonly Buffer[]>;
  stop(): Promise<void>;
}

export async function startOracle(): Promise<Oracle> {
  const erl = await startBulkErlang([new URL('etf_oracle.erl', import.meta.url)]);
  return {
    release: erl.release,
    corpus: async () => {
      const packets = await erl.ask(undefined, (files) => `etf_oracle:corpus(${files})`);
      const all: Encodings[] = [];
      for (let i = 0; i < packets.length; i += 5) {
        const [minor2, minor1, minor0, deterministic, compressed] = packets.slice(i, i + 5) as [
          Buffer,
          Buffer,
          Buffer,
          Buffer,
          Buffer,
        ];
        all.push({ minor2, minor1, minor0, deterministic, compressed });
      }
      return all;
    },
    records: async () => {
      const packets = await erl.ask(undefined, (files) => `etf_oracle:records(${files})`);
      const all: (Encodings & { text: string })[] = [];
      for (let i = 0; i < packets.length; i += 6) {
        const [minor2, minor1, minor0, deterministic, compressed, text] = packets.slice(i, i + 6) as [
          Buffer,
          Buffer,
          Buffer,
          Buffer,
          Buffer,
          Buffer,
        ];
        all.push({ minor2, minor1, minor0, deterministic, compressed, text: text.toString() });
      }
      return all;
    },
    judge: async (inputs) =>
      (await erl.ask(inputs, (files) => `etf_oracle:judge(${files})`)).map((answer) =>
        answer.length === 0 ? undefined : answer,
      ),
    differing: async (pairs) =>
      JSON.parse(await erl.tell(pairs.flat(), (file) => `[-1 | etf_oracle:differing(${file})]`)).slice(1),
    random: (seed, count) => erl.ask(undefined, (files) => `etf_oracle:random(${seed}, ${count}, ${files})`),
    sorted: (inputs) => erl.ask(inputs, (files) => `etf_oracle:sorted(${files})`),
    stop: () => erl.stop(),
  };
}

/**
 * Whether OTP may write these bytes otherwise than we do: since OTP 26 every port has 64 bits, also where 28 are enough;
 * ours are those of OTP 25, which every release reads.
 */
export function hasWidePort(release: number, bytes: Uint8Array): boolean {
  const all = Buffer.from(bytes);
  return release >= 26 && WIDE_PORTS.some((port) => all.includes(port));
}

/** V4_PORT_EXT and the tag of its node's name. */
const WIDE_PORTS = [Buffer.from([120, 119]), Buffer.from([120, 100])];
