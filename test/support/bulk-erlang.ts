// OTP as a judge of much at once: an Erlang node without distribution, modules of a test's own compiled into it, and their
// input and output as packets <<Size:32, Bytes:Size/binary>> in files.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startErlang } from './erlang.js';

export interface BulkErlang {
  readonly release: number;
  /** The packets that a call writes; `call` is given its files, those of the input first if there is one. */
  ask(packets: readonly Uint8Array[] | undefined, call: (files: string) => string): Promise<Buffer[]>;
  /** What a call that only reads packets returns, as Erlang prints it. */
  tell(packets: readonly Uint8Array[], call: (file: string) => string): Promise<string>;
  eval(expressions: string): Promise<string>;
  stop(): Promise<void>;
}

/**
 * @param modules sources of Erlang modules
 * @param time milliseconds that one question may take
 */
export async function startBulkErlang(
  modules: readonly URL[],
  { args = [], time = 60_000 }: { readonly args?: readonly string[]; readonly time?: number } = {},
): Promise<BulkErlang> {
  const erl = await startErlang({ name: false, args });
  const folder = mkdtempSync(join(tmpdir(), 'erlnode-bulk-'));
  for (const url of modules) {
    const source = fileURLToPath(url);
    const module = basename(source, '.erl');
    await erl.eval(`{module, ${module}} = code:load_binary(${module}, "${module}.erl",
      element(3, {ok, _, _} = compile:file(${codes(source)}, [binary])))`);
  }
  let files = 0;
  const withFile = async <T>(packets: readonly Uint8Array[], use: (path: string) => Promise<T>): Promise<T> => {
    const path = join(folder, `${++files}.in`);
    writeFileSync(path, pack(packets));
    try {
      return await use(codes(path));
    } finally {
      rmSync(path);
    }
  };
  const answer = async (call: (output: string) => string): Promise<Buffer[]> => {
    const path = join(folder, `${++files}.out`);
    await erl.eval(call(codes(path)), { timeout: time });
    const packets = unpack(readFileSync(path));
    rmSync(path);
    return packets;
  };
  return {
    release: Number(erl.release),
    ask: (packets, call) =>
      packets === undefined
        ? answer(call)
        : withFile(packets, (input) => answer((output) => call(`${input}, ${output}`))),
    tell: (packets, call) => withFile(packets, (input) => erl.eval(call(input), { timeout: time })),
    eval: (expressions) => erl.eval(expressions),
    async stop() {
      await erl.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function pack(packets: readonly Uint8Array[]): Buffer {
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
  for (let at = 0; at < all.length; ) {
    const size = all.readUInt32BE(at);
    packets.push(all.subarray(at + 4, at + 4 + size));
    at += 4 + size;
  }
  return packets;
}

/** A path as the list of its code points, so that no character in it needs quoting. */
function codes(path: string): string {
  return JSON.stringify([...path].map((character) => character.codePointAt(0)));
}
