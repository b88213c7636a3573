// The codecs that are compared: ours in several modes, what Node has, and others where they are installed.
import { transcode } from 'node:buffer';
import { Decoder as MsgpackDecoder, Encoder as MsgpackEncoder } from '@msgpack/msgpack';
import { type DecodeOptions, decode, type EncodeOptions, encode, encodeInto } from 'erlnode/etf';
import type { Other } from './others.js';
import type { Payload } from './payloads.js';
import type { Timed } from './timing.js';

export interface Cases {
  readonly encode: readonly Timed[];
  readonly decode: readonly Timed[];
}

const LIKE_OTHERS: DecodeOptions = { maps: 'object', binaries: 'string' };

/** Two copies of `bytes` in one memory that take turns, as packets come one after another in what a socket gives. */
function inTurn(bytes: Uint8Array): () => Buffer {
  const memory = Buffer.allocUnsafeSlow(bytes.length * 2);
  memory.set(bytes, 0);
  memory.set(bytes, bytes.length);
  const packets = [memory.subarray(0, bytes.length), memory.subarray(bytes.length)];
  let turn = 0;
  return () => packets[turn++ & 1] as Buffer;
}

export function casesOf(payload: Payload, others: readonly Other[]): Cases {
  const { term, plain, keys } = payload;
  const options: EncodeOptions = { keys };
  const wire = encode(term, options);
  // The comparison is by strings and objects where the payload has them; a binary stays a binary with every codec.
  const like = payload.name === 'f_bin1m' ? {} : LIKE_OTHERS;
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
  const alone = aloneOf(payload.name, wire);
  if (alone !== undefined) decodes.push({ name: ALONE, run: alone });
  for (const { name, carry } of others) {
    const carried = carry(payload, wire);
    if (carried === undefined) continue;
    const { pack, unpack, packed } = carried;
    const next = inTurn(packed);
    unpack(next());
    encodes.push({ name, run: pack });
    decodes.push({ name, run: () => unpack(next()) });
  }
  return { encode: encodes, decode: decodes };
}

/** Of long texts: what Node takes for making the string, which no decoder written in JavaScript can do without. */
export const ALONE = 'the string alone';

function aloneOf(name: string, wire: Buffer): (() => unknown) | undefined {
  // 131, BINARY_EXT and four bytes of length stand before the text.
  const next = inTurn(wire.subarray(6));
  if (name === 'i1_ascii64k') return () => next().toString('latin1');
  if (name === 'i2_utf8_64k') return () => transcode(next(), 'utf8', 'utf16le').toString('utf16le');
  return undefined;
}

function jsonable(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}
