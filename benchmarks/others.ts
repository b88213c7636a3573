// Codecs of others that are measured when they are installed, without being dependencies of ours: in the folder that
// --others=<folder> or ERLNODE_BENCH_OTHERS names (`npm install msgpackr cbor-x erlpack erlang_js` there).
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { equals } from 'erlnode';
import { decode } from 'erlnode/etf';
import type { Payload } from './payloads.js';

/** How one of them carries one payload. */
export interface Carried {
  readonly pack: () => Uint8Array;
  readonly unpack: (bytes: Uint8Array) => unknown;
  /** What the unpacking is measured with. */
  readonly packed: Uint8Array;
}

export interface Other {
  readonly name: string;
  readonly version: string;
  /** `undefined` when it cannot carry the payload, or gives something else back. */
  readonly carry: (payload: Payload, wire: Uint8Array) => Carried | undefined;
}

/** All that are looked for. */
export const OTHERS: readonly string[] = ['msgpackr', 'cbor-x', 'erlpack', 'erlang_js'];

export function installedOthers(folder: string | undefined): readonly Other[] {
  if (folder === undefined) return [];
  const require = createRequire(join(folder, 'package.json'));
  return OTHERS.flatMap((name) => {
    try {
      const about = JSON.parse(readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8')) as {
        version: string;
      };
      const module = require(name) as unknown;
      const carry = name === 'erlang_js' ? carryTerms(module as ErlangJs) : carryPlain(module as PackUnpack);
      return [{ name, version: about.version, carry }];
    } catch {
      return [];
    }
  });
}

interface PackUnpack {
  readonly pack?: (value: unknown) => Uint8Array;
  readonly encode?: (value: unknown) => Uint8Array;
  readonly unpack?: (bytes: Uint8Array) => unknown;
  readonly decode?: (bytes: Uint8Array) => unknown;
}

/** Those that carry plain data. */
function carryPlain(codec: PackUnpack): Other['carry'] {
  const pack = codec.pack ?? codec.encode;
  const unpack = codec.unpack ?? codec.decode;
  if (pack === undefined || unpack === undefined) throw new TypeError('no codec');
  return ({ plain }) => {
    try {
      const packed = Uint8Array.from(pack(plain));
      if (!isDeepStrictEqual(unpack(Buffer.from(packed)), plain)) return undefined;
      return { pack: () => pack(plain), unpack, packed };
    } catch {
      return undefined;
    }
  };
}

type Answer<T> = (error: unknown, value: T) => void;

interface ErlangJs {
  readonly Erlang: {
    binary_to_term(bytes: Uint8Array, answer: Answer<unknown>): void;
    term_to_binary(term: unknown, answer: Answer<Uint8Array>): void;
  };
}

/** It has terms of its own: it is measured with those that it decodes from our bytes. It answers at once. */
function carryTerms({ Erlang }: ErlangJs): Other['carry'] {
  let answer: unknown;
  let failure: unknown;
  const take = (error: unknown, value: unknown): void => {
    failure = error;
    answer = value;
  };
  const unpack = (bytes: Uint8Array): unknown => {
    Erlang.binary_to_term(bytes, take);
    return answer;
  };
  return (_, wire) => {
    const packed = Buffer.from(wire);
    const term = unpack(packed);
    if (failure !== undefined) return undefined;
    const pack = (): Uint8Array => {
      Erlang.term_to_binary(term, take);
      return answer as Uint8Array;
    };
    const again = pack();
    try {
      // Its bytes may be others where the format has several spellings, but not another term.
      return failure === undefined && equals(decode(again), decode(wire)) ? { pack, unpack, packed } : undefined;
    } catch {
      return undefined;
    }
  };
}
