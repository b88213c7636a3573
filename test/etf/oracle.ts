// OTP as the judge of the codec: one Erlang node with etf_oracle loaded, and packets through files in bulk.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startErlang } from '../support/erlang.js';

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

const TIME = 60_000;

export async function startOracle(): Promise<Oracle> {
  const erl = await startErlang({ name: false });
  const folder = mkdtempSync(join(tmpdir(), 'erlnode-etf-'));
  const source = fileURLToPath(new URL('etf_oracle.erl', import.meta.url));
  await erl.eval(`{ok, etf_oracle, Code} = compile:file(${quote(source)}, [binary]),
    {module, etf_oracle} = code:load_binary(etf_oracle, "etf_oracle.erl", Code)`);
  let files = 0;
  const file = () => join(folder, `${++files}`);
  const ask = async (call: (out: string) => string): Promise<Buffer[]> => {
    const out = file();
    await erl.eval(`etf_oracle:${call(quote(out))}`, { timeout: TIME });
    const packets = unpack(readFileSync(out));
    rmSync(out);
    return packets;
  };
  const give = async <T>(inputs: readonly Uint8Array[], use: (path: string) => Promise<T>): Promise<T> => {
    const path = file();
    writeFileSync(path, pack(inputs));
    try {
      return await use(quote(path));
    } finally {
      rmSync(path);
    }
  };
  return {
    release: Number(erl.release),
    corpus: async () => {
      const packets = await ask((out) => `corpus(${out})`);
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
      const packets = await ask((out) => `records(${out})`);
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
    judge: (inputs) =>
      give(inputs, async (path) =>
        (await ask((out) => `judge(${path}, ${out})`)).map((answer) => (answer.length === 0 ? undefined : answer)),
      ),
    differing: (pairs) =>
      give(pairs.flat(), async (path) =>
        JSON.parse(await erl.eval(`[-1 | etf_oracle:differing(${path})]`, { timeout: TIME })).slice(1),
      ),
    random: (seed, count) => ask((out) => `random(${seed}, ${count}, ${out})`),
    sorted: (inputs) => give(inputs, (path) => ask((out) => `sorted(${path}, ${out})`)),
    stop: async () => {
      await erl.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export function pack(packets: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    packets.flatMap((packet) => {
      const size = Buffer.alloc(4);
      size.writeUInt32BE(packet.length);
      return [size, packet];
    }),
  );
}

function unpack(all: Buffer): Buffer[] {
  const packets: Buffer[] = [];
  for (let pos = 0; pos < all.length; ) {
    const size = all.readUInt32BE(pos);
    packets.push(all.subarray(pos + 4, pos + 4 + size));
    pos += 4 + size;
  }
  return packets;
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

/** A path as the list of its code points, so that no character needs quoting. */
function quote(path: string): string {
  return JSON.stringify([...path].map((character) => character.codePointAt(0)));
}
