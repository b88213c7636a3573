// Any term comes back, any bytes are a term or a typed error, and a decoder that failed goes on.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DecodeError, LimitError } from '../../src/errors.js';
import { decode, decodeFirst, encode } from '../../src/etf/index.js';
import { atom, internAtom } from '../../src/term/atom.js';
import { bitstring } from '../../src/term/bitstring.js';
import { float } from '../../src/term/float.js';
import { externalFun, InternalFun } from '../../src/term/fun.js';
import { Pid, Port, Reference } from '../../src/term/identifiers.js';
import { improperList } from '../../src/term/list.js';
import { NativeRecord } from '../../src/term/record.js';
import type { Term } from '../../src/term/term.js';
import { tupleFrom } from '../../src/term/tuple.js';

const name = fc.oneof(
  fc.constantFrom('ok', 'true', 'nil', 'a@b', '__proto__'),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
);
const word = fc.integer({ min: 0, max: 0xffffffff });
const node = name.map((text) => internAtom(text));
const pids = fc.tuple(node, word, word, word).map(([n, id, serial, creation]) => new Pid(n, id, serial, creation));
/** Binaries as Buffers, floats exact: what comes back is what went in. */
const leaf: fc.Arbitrary<Term> = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }).map((n) => (BigInt.asIntN(54, n) === n ? Number(n) : n)),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => float(n)),
  name.map((text) => atom(text) as Term),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  fc.uint8Array({ minLength: 1, maxLength: 20 }).chain((bytes) =>
    fc.integer({ min: 0, max: bytes.length * 8 }).map((bits) => {
      const made = bitstring(Buffer.from(bytes), bits);
      return made instanceof Uint8Array ? Buffer.from(made) : made;
    }),
  ),
  pids,
  fc
    .tuple(node, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), word)
    .map(([n, id, creation]) => new Port(n, id <= Number.MAX_SAFE_INTEGER ? Number(id) : id, creation)),
  fc
    .tuple(node, word, fc.array(word, { minLength: 1, maxLength: 5 }))
    .map(([n, creation, words]) => new Reference(n, creation, words)),
  fc.tuple(name, name, fc.integer({ min: 0, max: 255 })).map(([m, f, a]) => externalFun(m, f, a)),
);

const { term } = fc.letrec<{ term: Term }>((tie) => ({
  term: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    leaf,
    fc.array(tie('term'), { maxLength: 6 }),
    fc.array(tie('term'), { maxLength: 6 }).map((elements) => tupleFrom(elements)),
    fc
      .tuple(fc.array(tie('term'), { minLength: 1, maxLength: 3 }), leaf)
      .map(([elements, tail]) => improperList(elements, tail)),
    fc
      .array(
        fc.tuple(
          fc.oneof(
            fc.integer(),
            name.map((text) => atom(text) as Term),
          ),
          tie('term'),
        ),
        { maxLength: 5 },
      )
      .map((entries) => new Map(entries)),
    fc.tuple(node, fc.uniqueArray(node, { maxLength: 3 }), tie('term'), fc.boolean()).map(
      ([module, fields, value, exported]) =>
        new NativeRecord(
          module,
          module,
          exported,
          fields,
          fields.map(() => value),
        ),
    ),
    fc
      .tuple(
        node,
        pids,
        fc.array(tie('term'), { maxLength: 3 }),
        fc.integer(),
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
      )
      .map(
        ([module, pid, free, oldUniq, uniq]) =>
          new InternalFun({
            arity: 2,
            uniq: Uint8Array.from(uniq),
            index: 7,
            module,
            oldIndex: 300,
            oldUniq,
            pid,
            free,
          }),
      ),
  ),
}));

/** What JSON has, and strings that are no keys. */
const json = fc.letrec<{ value: Term }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: 'binary' }),
    fc.integer(),
    fc.constantFrom(true, false, null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.string({ unit: 'grapheme', maxLength: 10 }), tie('value'), {
      maxKeys: 5,
      noNullPrototype: false,
    }),
  ),
})).value;

describe('any term', () => {
  test('comes back', () => {
    fc.assert(
      fc.property(term, (it) => {
        expect(decode(encode(it), { floats: 'exact' })).toStrictEqual(it);
      }),
    );
  });

  test('comes back compressed, in old spellings, and in the middle of other bytes', () => {
    fc.assert(
      fc.property(term, fc.uint8Array({ maxLength: 5 }), fc.constantFrom(0, 1, 2), (it, rest, minorVersion) => {
        const plain = encode(it);
        expect(encode(decode(encode(it, { compressed: 9 }), { floats: 'exact' }))).toEqual(plain);
        expect(encode(decode(encode(it, { minorVersion }), { floats: 'exact' }))).toEqual(plain);
        expect(decodeFirst(Buffer.concat([plain, rest])).used).toBe(plain.length);
      }),
    );
  });

  test('deterministic bytes do not depend on the order of entries', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(leaf, leaf), { selector: ([key]) => encode(key).toString('hex') }),
        (entries) => {
          expect(encode(new Map(entries), { deterministic: true })).toEqual(
            encode(new Map(entries.toReversed()), { deterministic: true }),
          );
        },
      ),
    );
  });

  test('deep below others, where terms are written and read in another way, they are the same', () => {
    const levels = 1100;
    const head = Buffer.concat([Buffer.of(131), Buffer.alloc(levels * 5, Buffer.of(108, 0, 0, 0, 1))]);
    const nest = (it: Term) => {
      let nested = it;
      for (let i = 0; i < levels; i++) nested = [nested];
      return nested;
    };
    const unnest = (it: Term) => {
      let inner = it;
      for (let i = 0; i < levels; i++) inner = (inner as readonly Term[])[0];
      return inner;
    };
    fc.assert(
      fc.property(
        fc.oneof(term, json),
        fc.constantFrom(0, 1, 2),
        fc.constantFrom('atom', 'string'),
        fc.constantFrom({ floats: 'exact' } as const, { maps: 'object', binaries: 'string' } as const, {}),
        (it, minorVersion, keys, options) => {
          const shallow = encode(it, { minorVersion, keys });
          const deep = encode(nest(it), { minorVersion, keys });
          // A list of bytes as the only element would be written otherwise; what is inside it would not.
          expect(deep.subarray(0, head.length).equals(head) || typeof it === 'number').toBe(true);
          if (typeof it === 'number') return;
          expect(deep.subarray(head.length, deep.length - levels).equals(shallow.subarray(1))).toBe(true);
          expect(unnest(decode(deep, options))).toStrictEqual(decode(shallow, options));
        },
      ),
    );
  });

  test('strings and objects come back', () => {
    fc.assert(
      fc.property(json, fc.constantFrom('atom', 'string'), (it, keys) => {
        expect(decode(encode(it, { keys }), { maps: 'object', binaries: 'string' })).toEqual(it);
      }),
    );
  });
});

describe('any bytes', () => {
  const safely = (bytes: Uint8Array) => {
    try {
      return decode(bytes);
    } catch (error) {
      if (error instanceof DecodeError || error instanceof LimitError) return error;
      throw error;
    }
  };

  test('are a term or a typed error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        safely(Uint8Array.of(131, ...bytes));
        expect(decode(Uint8Array.of(131, 106))).toEqual([]);
      }),
    );
  });

  test('so are damaged ones', () => {
    fc.assert(
      fc.property(
        term,
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 3 }),
        fc.nat(),
        (it, changes, cut) => {
          const bytes = encode(it);
          for (const [at, value] of changes) bytes[1 + (at % (bytes.length - 1))] = value;
          const result = safely(bytes);
          if (result instanceof DecodeError) expect(result.offset).toBeLessThanOrEqual(bytes.length);
          safely(bytes.subarray(0, cut % (bytes.length + 1)));
        },
      ),
    );
  });
});
