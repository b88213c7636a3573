// fast-check arbitraries for terms, exact ones: every float is a Float where JavaScript could take it for an integer.
import fc from 'fast-check';
import { type Atom, atom, internAtom } from '../../src/term/atom.js';
import { bitstring } from '../../src/term/bitstring.js';
import { equals } from '../../src/term/compare.js';
import { float } from '../../src/term/float.js';
import { externalFun, InternalFun } from '../../src/term/fun.js';
import { Pid, Port, Reference } from '../../src/term/identifiers.js';
import { charlist, improperList } from '../../src/term/list.js';
import type { Term } from '../../src/term/term.js';
import { tupleFrom } from '../../src/term/tuple.js';

const integer: fc.Arbitrary<Term> = fc.oneof(
  fc.integer({ min: -3, max: 300 }),
  fc.maxSafeInteger(),
  // Around 2^53, where floats stop being exact, and far beyond.
  fc.integer({ min: -3, max: 3 }).map((delta) => integerTerm(2n ** 53n + BigInt(delta))),
  fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }).map(integerTerm),
);

function integerTerm(value: bigint): Term {
  return value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER ? Number(value) : value;
}

export const finite: fc.Arbitrary<number> = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer({ min: -3, max: 300 }),
  fc.integer({ min: -3, max: 3 }).map((delta) => 2 ** 53 + delta),
  fc.tuple(fc.integer({ min: 1, max: 99999 }), fc.integer({ min: -30, max: 30 })).map(([n, e]) => n * 10 ** e),
);

// -0.0 is 0.0 up to OTP 26, so it is tested by itself.
const floating: fc.Arbitrary<Term> = finite.map((value) => (Number.isInteger(value) ? float(value + 0) : value));

const character = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...'abcz@_019 \n\'"\\$') },
  fc.integer({ min: 0, max: 0x17f }).map((code) => String.fromCodePoint(code)),
  fc.constantFrom('λ', '€', '\u2028', '\ud7ff', '\ue000', '\ufffd', '\u{10000}', '😀', '\u{10ffff}'),
);
export const someText: fc.Arbitrary<string> = fc.string({ unit: character, maxLength: 8 });

export const someAtom: fc.Arbitrary<Term> = fc.oneof(
  fc
    .constantFrom(...['ok', 'a', 'b', 'A', '', 'true', 'false', 'undefined', 'nil', 'after', 'fun', 'é'])
    .map((each) => atom(each)),
  someText.map((each) => atom(each)),
);

const bits: fc.Arbitrary<Term> = fc.oneof(
  fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
  someText.map((each) => Buffer.from(each, 'utf8')),
  fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 4 }), fc.nat(7)).map(([bytes, less]) => {
    const cut = bitstring(bytes, bytes.length * 8 - less);
    return cut instanceof Uint8Array ? Buffer.from(cut) : cut;
  }),
);

const node = fc.constantFrom('a@h', 'b@h', 'nil@h').map((name): Atom => internAtom(name));
const small = fc.integer({ min: 0, max: 2 });
const creation = fc.integer({ min: 4, max: 6 });
const pid = fc.tuple(node, small, small, creation).map(([name, id, serial, life]) => new Pid(name, id, serial, life));
const port = fc.tuple(node, small, creation).map(([name, id, life]) => new Port(name, id, life));
const words = fc.array(small, { minLength: 1, maxLength: 5 });
const reference = fc.tuple(node, creation, words).map(([name, life, ids]) => new Reference(name, life, ids));
export const identifier: fc.Arbitrary<Term> = fc.oneof(pid, port, reference);

export const exported: fc.Arbitrary<Term> = fc
  .tuple(fc.constantFrom('lists', 'A b', 'x'), fc.constantFrom('map', '+'), fc.integer({ min: 0, max: 3 }))
  .map(([module, name, arity]) => externalFun(module, name, arity));

function closure(inner: fc.Arbitrary<Term>): fc.Arbitrary<Term> {
  return fc
    .tuple(fc.constantFrom('m1', 'm2'), small, small, pid, fc.array(inner, { maxLength: 3 }))
    .map(([module, index, oldUniq, creator, free]) => {
      const uniq = Buffer.alloc(16, oldUniq);
      return new InternalFun({
        arity: 1,
        uniq,
        index,
        module: internAtom(module),
        oldIndex: index,
        oldUniq,
        pid: creator,
        free,
      });
    });
}

/** What Erlang source can say. */
export const literal: fc.Arbitrary<Term> = termsOf(fc.oneof(integer, floating, someAtom, bits, exported), undefined);
/** Every type but native records, which OTP has from 29 on. */
export const anyTerm: fc.Arbitrary<Term> = termsOf(
  fc.oneof(integer, floating, someAtom, bits, exported, identifier),
  closure,
);

function termsOf(
  leaf: fc.Arbitrary<Term>,
  more: ((inner: fc.Arbitrary<Term>) => fc.Arbitrary<Term>) | undefined,
): fc.Arbitrary<Term> {
  return fc.letrec<{ term: Term }>((tie) => {
    const term = tie('term');
    const list = fc.array(term, { maxLength: 4 });
    const compound: fc.Arbitrary<Term>[] = [
      list,
      list.map((elements) => tupleFrom(elements)),
      someText.map(charlist),
      fc.array(fc.integer({ min: 0, max: 260 }), { maxLength: 5 }),
      fc.tuple(list, term).map(([elements, tail]) => improperList(elements, tail)),
      fc.array(fc.tuple(term, term), { maxLength: 4 }).map(mapOf),
      ...(more === undefined ? [] : [more(term)]),
    ];
    return { term: fc.oneof({ maxDepth: 4, depthSize: 'small' }, leaf, ...compound) };
  }).term;
}

function mapOf(entries: readonly (readonly [Term, Term])[]): Term {
  const distinct = entries.filter(([key], i) => entries.findIndex(([other]) => equals(key, other)) === i);
  return new Map(distinct);
}
