// What programs may hand to encode(): proxies, getters, subclasses, values changed while they are written, classes of
// ours filled with nonsense. A typed error that says where, or bytes of what was there; and the next term is untouched.
import { afterEach, describe, expect, test } from 'vitest';
import { ArgumentError, LimitError } from '../../src/errors.js';
import { type EncodeOptions, encode, encodeInto, encodeParts } from '../../src/etf/encode.js';
import { decode } from '../../src/etf/index.js';
import { Atom, atom, internAtom } from '../../src/term/atom.js';
import { BitString } from '../../src/term/bitstring.js';
import { Float } from '../../src/term/float.js';
import { ExternalFun, InternalFun } from '../../src/term/fun.js';
import { Pid, Port, Reference } from '../../src/term/identifiers.js';
import { NativeRecord } from '../../src/term/record.js';
import type { Term } from '../../src/term/term.js';
import { Tuple, tuple, tupleFrom } from '../../src/term/tuple.js';
import { bytes } from '../fixtures/etf.js';

const any = (value: unknown): Term => value as Term;
const n = internAtom('n');
const DEEP: EncodeOptions = { deterministic: true };

afterEach(() => {
  for (const options of [{}, DEEP]) {
    expect(encode([1, 'x', { a: 1 }], options)).toEqual(
      bytes("83 6c 00000003 61 01 6d 00000001 'x' 74 00000001 77 01 'a' 61 01 6a"),
    );
  }
});

function messageFor(term: unknown, options?: EncodeOptions): string {
  for (const run of [encode, encodeParts, (it: Term) => encodeInto(Buffer.alloc(100), 0, it, options)]) {
    try {
      run(any(term), options);
    } catch (error) {
      if (!(error instanceof ArgumentError)) throw error;
      expect(error.code).toBe('not_encodable');
      if (run !== encode) continue;
      return error.message;
    }
    throw new RangeError('nothing was thrown');
  }
  return '';
}

describe('a value that throws when it is read is refused by its place', () => {
  const thrown = new RangeError('mine');
  const throws = {
    get it(): Term {
      throw thrown;
    },
  };
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  test.each<[string, unknown, string]>([
    ['a getter', { a: [throws] }, ', at a[0].it'],
    ['a getter in a tuple', tuple(1, throws), ', at [1].it'],
    ['a revoked proxy', [1, revoked.proxy], ', at [1]'],
    ['a proxy of a Map', { m: new Proxy(new Map([[1, 2]]), {}) }, ', at m'],
    ['an array with a getter', { a: Object.defineProperty([1, 2, 3], 1, { get: () => throws.it }) }, ', at a'],
    ['a tuple without elements', Object.create(Tuple.prototype), ''],
  ])('%s', (_name, term, where) => {
    for (const options of [{}, DEEP]) {
      expect(messageFor(term, options)).toBe(`cannot encode a value that throws when it is read${where}`);
    }
  });
  test('and what was thrown is the cause', () => {
    expect(() => encode(throws)).toThrow(expect.objectContaining({ cause: thrown }));
  });
});

describe('arrays and Maps that are not what they say', () => {
  const ofLength = (length: number) =>
    new Proxy(['x', 'y', 'z'], { get: (it, key) => (key === 'length' ? length : Reflect.get(it, key)) });

  test.each([2.5, Number.NaN, -1, 2 ** 32])('an array of length %d', (length) => {
    expect(messageFor([ofLength(length)])).toBe(`cannot encode an array of length ${length}, at [0]`);
  });

  test('a Map that hides its size, or invents entries', () => {
    class Liar extends Map<Term, Term> {
      override get size(): number {
        return 7;
      }
      override *[Symbol.iterator](): MapIterator<[Term, Term]> {
        yield ['k', 1];
        yield ['k', 2];
      }
    }
    for (const options of [{}, DEEP]) expect(decode(encode(new Liar([[1, 2]]), options))).toEqual(new Map([[1, 2]]));
  });

  test('values that change while they are written', () => {
    for (const options of [{}, DEEP]) {
      const list: Term[] = ['p'];
      list.push(
        any({
          get x(): Term {
            list.push(1, 2, 3);
            return 1;
          },
        }),
        'q',
      );
      // What is deterministic is read twice.
      const lengths = options === DEEP ? [6] : [3];
      expect(lengths).toContain((decode(encode(list, options)) as Term[]).length);
      expect(decode(encode(tupleFrom(list), options))).toBeInstanceOf(Tuple);
      for (const change of [
        (map: Map<Term, Term>) => map.set('c', 1),
        (map: Map<Term, Term>) => map.delete('b'),
        (map: Map<Term, Term>) => map.clear(),
      ]) {
        const map = new Map<Term, Term>();
        map.set('a', {
          get x(): Term {
            change(map);
            return 1;
          },
        });
        map.set('b', 2);
        expect(decode(encode(map, options))).toBeInstanceOf(Map);
      }
    }
  });
});

describe('instances of our classes that hold nonsense', () => {
  const fun = {
    arity: 1,
    uniq: new Uint8Array(16),
    index: 0,
    module: n,
    oldIndex: 0,
    oldUniq: 0,
    pid: new Pid(n, 1, 2, 3),
    free: [],
  };
  test.each<[unknown, string]>([
    [new Pid(n, -1, 2, 3), 'a pid whose fields are no integers of 32 bits'],
    [new Pid(n, 1, 2 ** 32, 3), 'a pid whose fields are no integers of 32 bits'],
    [new Pid(n, 1, 2, 1.5), 'a pid whose fields are no integers of 32 bits'],
    [new Pid('n' as never, 1, 2, 3), 'a pid whose node is no atom'],
    [new Port(n, -1, 3), 'a port whose fields are no integers of 64 and 32 bits'],
    [new Port(n, 0.5, 3), 'a port whose fields are no integers of 64 and 32 bits'],
    [new Port(n, 2n ** 64n, 3), 'a port whose fields are no integers of 64 and 32 bits'],
    [new Port(true as never, 1, 3), 'a port whose node is no atom'],
    [new Reference(n, 1, [1, -1]), 'a reference whose fields are no integers of 32 bits'],
    [new Reference(n, 1, [1, 2, 3, 4, 5, 6]), 'a reference of 6 words (at most 5)'],
    [new Reference(undefined as never, 1, [1]), 'a reference whose node is no atom'],
    [new BitString(Buffer.of(1), 0), 'a bitstring with 0 bits in its last byte (1 to 8)'],
    [new BitString(Buffer.of(1), 9), 'a bitstring with 9 bits in its last byte (1 to 8)'],
    [new BitString([1] as never, 1), 'a bitstring whose bytes are no Uint8Array'],
    [new Float(Number.NaN), 'NaN, which Erlang does not have'],
    [new ExternalFun(n, n, -1), 'a fun of arity -1 (0 to 255)'],
    [new ExternalFun('n' as never, n, 1), "what is no term (an atom's text must be a string, not undefined)"],
    [new InternalFun({ ...fun, arity: 256 }), 'a fun of arity 256 (0 to 255)'],
    [new InternalFun({ ...fun, uniq: new Uint8Array(15) }), 'a fun whose uniq is not 16 bytes'],
    [new InternalFun({ ...fun, index: -1 }), 'a fun whose index is not an integer of 32 bits'],
    [new InternalFun({ ...fun, oldUniq: 0.5 }), 'a fun whose old index or uniq is no integer'],
    [new InternalFun({ ...fun, pid: 1 as never }), 'a fun whose creator is no pid'],
    [new InternalFun({ ...fun, pid: new Pid(n, -1, 2, 3) }), 'a pid whose fields are no integers of 32 bits'],
    [new InternalFun({ ...fun, free: new Array(256).fill(1) }), 'a fun of 256 free variables (at most 255)'],
    [new NativeRecord(n, n, true, [n], []), 'a record of 1 fields and 0 values'],
    [new NativeRecord(n, n, true, [n, n], [1, 2]), 'a record with a field name twice'],
    [new Atom('a'.repeat(256)), 'what is no term (an atom has at most 255 characters)'],
    [new Atom('\ud800'), 'what is no term (an atom cannot hold a lone surrogate)'],
  ])('case %#', (term, what) => {
    for (const options of [{}, DEEP]) expect(messageFor([term], options)).toBe(`cannot encode ${what}, at [0]`);
    if (term instanceof Atom) expect(messageFor([term], { minorVersion: 1 })).toContain(what);
  });
});

describe('names and keys in errors', () => {
  const evil = `evil\n\u001b[31m${'x'.repeat(1000)}`;

  test('of classes are cut, without control characters, and asked for once at most', () => {
    class Named {}
    Object.defineProperty(Named, 'name', { value: evil });
    expect(messageFor(new Named())).toBe(`cannot encode an instance of evil??[31m${'x'.repeat(50)}…`);
    Object.defineProperty(Named, 'name', { get: () => undefined });
    expect(messageFor(new Named())).toBe('cannot encode an object of some class');
    const broken = {
      get constructor(): never {
        throw new RangeError('boo');
      },
    };
    expect(messageFor(Object.create(broken))).toBe('cannot encode an object of some class');
  });

  test.each<[unknown, string]>([
    [new Map([[atom('a\nb'), Symbol('x')]]), "get('a?b')"],
    [new Map([[evil, Symbol('x')]]), `get("evil\\n\\u001b[31m${'x'.repeat(50)}…")`],
    [{ [evil]: Symbol('x') }, `["evil\\n\\u001b[31m${'x'.repeat(50)}…"]`],
    [{ ['long'.repeat(20)]: Symbol('x') }, `["${'long'.repeat(15)}…"]`],
  ])('of maps: case %#', (term, path) => {
    expect(messageFor(term, { keys: 'string' })).toBe(`cannot encode a symbol, at ${path}`);
  });
});

test('the longest integer that OTP takes goes out, the next one does not', () => {
  const most = 1n << (524_280n * 8n);
  expect(encode(most - 1n).length).toBe(7 + 524_280);
  for (const beyond of [most, -most]) {
    expect(messageFor([beyond])).toBe('cannot encode an integer of more than 524280 bytes, at [0]');
  }
});

test('objects without an end, and arrays of holes, meet the limits', () => {
  const endless = (): Term => ({
    get x(): Term {
      return endless();
    },
  });
  for (const options of [{}, DEEP]) expect(() => encode(endless(), options)).toThrow(LimitError);
  const holes: Term[] = [];
  holes.length = 2 ** 32 - 1;
  expect(() => encode(holes, { limits: { encodedSize: 1_000_000 } })).toThrow(LimitError);
});
