// The codecs that are compared: ours in several modes, what Node has, and others where they are installed.
import { Decoder as MsgpackDecoder, Encoder as MsgpackEncoder } from '@msgpack/msgpack';
import { type DecodeOptions, decode, type EncodeOptions, encode, encodeInto } from 'erlnode/etf';
import type { Payload } from './payloads.js';
import type { Timed } from './timing.js';

export interface Cases {
  readonly encode: readonly Timed[];
  readonly decode: readonly Timed[];
}

/** Packages that are measured when they are installed (`npm install --no-save msgpackr cbor-x erlpack erlang_js`). */
const OPTIONAL = ['msgpackr', 'cbor-x', 'erlpack'] as const;

interface PackUnpack {
  readonly encode?: (value: unknown) => Uint8Array;
  readonly decode?: (bytes: Uint8Array) => unknown;
  readonly pack?: (value: unknown) => Uint8Array;
  readonly unpack?: (bytes: Uint8Array) => unknown;
}

export async function optionalCodecs(): Promise<ReadonlyMap<string, PackUnpack>> {
  const found = new Map<string, PackUnpack>();
  for (const name of OPTIONAL) {
    try {
      const module = (await import(name as string)) as PackUnpack & { default?: PackUnpack };
      found.set(name, module.pack === undefined && module.encode === undefined ? (module.default ?? {}) : module);
    } catch {
      // Not installed: not compared.
    }
  }
  return found;
}

const OTHERS: DecodeOptions = { maps: 'object', binaries: 'string' };

/** Two copies of `bytes` in one memory that take turns, as packets come one after another in what a socket gives. */
function inTurn(bytes: Uint8Array): () => Buffer {
  const memory = Buffer.allocUnsafeSlow(bytes.length * 2);
  memory.set(bytes, 0);
  memory.set(bytes, bytes.length);
  const packets = [memory.subarray(0, bytes.length), memory.subarray(bytes.length)];
  let turn = 0;
  return () => packets[turn++ & 1] as Buffer;
}

export function casesOf(payload: Payload, others: ReadonlyMap<string, PackUnpack>): Cases {
  const { term, plain, keys } = payload;
  const options: EncodeOptions = { keys };
  const wire = encode(term, options);
  // The comparison is by strings and objects where the payload has them; a binary stays a binary with every codec.
  const like = payload.name === 'f_bin1m' ? {} : OTHERS;
  const nextWire = inTurn(wire);
  const buffer = Buffer.alloc(wire.length + 65_536);
  const json = JSON.stringify(plain, jsonable);
  const nextJson = inTurn(Buffer.from(json));
  // Kept instances are its quickest way. Bigints only where the payload has them: they cost it something.
  const useBigInt64 = payload.name === 'e_mixed10k';
  const msgpack = new MsgpackEncoder({ maxDepth: 2000, useBigInt64 });
  const msgunpack = new MsgpackDecoder({ useBigInt64 });
  const nextPacked = inTurn(msgpack.encode(plain));
  const encodes: Timed[] = [
    { name: 'erlnode', run: () => encode(term, options) },
    { name: 'erlnode encodeInto', run: () => encodeInto(buffer, 0, term, options) },
    { name: '@msgpack/msgpack', run: () => msgpack.encode(plain) },
    {
      name: 'JSON',
      run: () => Buffer.from(JSON.stringify(plain, payload.name === 'e_mixed10k' ? jsonable : undefined)),
    },
  ];
  const decodes: Timed[] = [
    { name: 'erlnode', run: () => decode(nextWire(), like) },
    { name: 'erlnode (Map, Buffer)', run: () => decode(nextWire()) },
    { name: '@msgpack/msgpack', run: () => msgunpack.decode(nextPacked()) },
    { name: 'JSON', run: () => JSON.parse(nextJson().toString('utf8')) as unknown },
  ];
  for (const [name, codec] of others) {
    const pack = codec.pack ?? codec.encode;
    const unpack = codec.unpack ?? codec.decode;
    if (pack === undefined || unpack === undefined) continue;
    try {
      const next = inTurn(pack(plain));
      unpack(next());
      encodes.push({ name, run: () => pack(plain) });
      decodes.push({ name, run: () => unpack(next()) });
    } catch {
      // It cannot carry this payload.
    }
  }
  return { encode: encodes, decode: decodes };
}

function jsonable(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}
