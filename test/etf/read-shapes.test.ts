// Maps as objects: generated readers, what makes them give up, keys that mean mischief, and life without generated code.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { DecodeError } from '../../src/errors.js';
import { type DecodeOptions, decode, encode } from '../../src/etf/index.js';
import { atom } from '../../src/term/atom.js';
import type { Term } from '../../src/term/term.js';
import { bytes } from '../fixtures/etf.js';

const OBJECTS: DecodeOptions = { maps: 'object', binaries: 'string' };
const PLAIN: DecodeOptions = { ...OBJECTS, generateCode: false };

/** An object without prototype. */
function bare(entries: Record<string, unknown>): unknown {
  return Object.assign(Object.create(null), entries);
}

/** So often that a reader is generated for the shape. */
function learn(term: Term, keys: 'atom' | 'string' = 'atom'): Buffer {
  const wire = encode(term, { keys });
  for (let i = 0; i < 20; i++) expect(decode(wire, OBJECTS)).toEqual(decode(wire, PLAIN));
  return wire;
}

describe('a learnt shape', () => {
  test('gives what careful reading gives', () => {
    for (const keys of ['atom', 'string'] as const) {
      const wire = learn({ a: 1, bc: 'text', def: [1, 2], ghij: { a: -70_000 }, true: null, ['']: 7 }, keys);
      const value = decode(wire, OBJECTS) as object;
      expect(Object.getPrototypeOf(value)).toBe(null);
      expect(Object.keys(value)).toEqual(['a', 'bc', 'def', 'ghij', 'true', '']);
    }
  });

  test('is left where a map differs, at every key and every byte', () => {
    const wire = learn({ alpha: 1, beta: 'x', gamma: [3.5], delta: { deep: 1 } });
    for (let at = 1; at < wire.length; at++) {
      for (const value of [0, 97, 106, 115, 119, 255]) {
        const damaged = Buffer.from(wire);
        damaged[at] = value;
        expect(attempt(damaged, OBJECTS)).toEqual(attempt(damaged, PLAIN));
      }
      expect(attempt(wire.subarray(0, at), OBJECTS)).toEqual(attempt(wire.subarray(0, at), PLAIN));
    }
  });

  test('reads values of every kind, whatever kind it was learnt with, and refuses each cut short', () => {
    const values: readonly Term[] = [
      0,
      255,
      -1,
      2 ** 31 - 1,
      2 ** 40,
      -(2 ** 53) + 1,
      2n ** 64n,
      0.5,
      '',
      'é',
      'short',
    ];
    const others: readonly Term[] = [
      'thirteen char',
      'x'.repeat(300),
      true,
      false,
      null,
      undefined,
      atom('tru'),
      atom('falsehood'),
    ];
    const all = [...values, ...others, [], [1], { a: 1 }];
    for (const [i, learnt] of all.entries()) {
      const key = `key${i}`;
      learn({ [key]: learnt, last: 'end' });
      for (const value of all) {
        const wire = encode({ [key]: value, last: value });
        expect(decode(wire, OBJECTS)).toEqual(decode(wire, PLAIN));
        expect(encode(decode(wire, OBJECTS))).toEqual(wire);
        for (let size = wire.length - 1; size > 1; size -= size > 60 ? 29 : 1) {
          expect(attempt(wire.subarray(0, size), OBJECTS)).toBe('truncated');
        }
      }
    }
  });

  test('gives short texts their own value, whatever came before them', () => {
    for (const text of ['lobby', 'lobbx', 'aobby', 'loßby', 'loby', 'a', 'b', '', 'twelve chars', 'twelve charz']) {
      for (let i = 0; i < 3; i++) expect(decode(encode([text, text]), OBJECTS)).toEqual([text, text]);
    }
    const notUtf8 = bytes("83 6d 00000003 c3 28 'a'");
    for (let i = 0; i < 3; i++) expect(decode(notUtf8, OBJECTS)).toEqual(Buffer.from('c32861', 'hex'));
  });

  test('does not hide keys that are there twice, or an atom and a binary of one name', () => {
    learn({ one: 1, two: 2 });
    const twice = bytes("83 74 00000002 77 03 'one' 61 01 77 03 'one' 61 02");
    expect(attempt(twice, OBJECTS)).toBe('duplicate_key');
    const both = bytes("83 74 00000002 77 03 'one' 61 01 6d 00000003 'one' 61 02");
    expect(decode(both, OBJECTS)).toEqual(
      new Map<Term, Term>([
        [atom('one'), 1],
        ['one', 2],
      ]),
    );
    expect(decode(both, { maps: 'object' })).toEqual(
      new Map<Term, Term>([
        [atom('one'), 1],
        [Buffer.from('one'), 2],
      ]),
    );
  });

  test('gives Buffers as keys of a Map where binaries are Buffers', () => {
    const wire = encode({ first: 1, second: 2 }, { keys: 'string' });
    for (let i = 0; i < 20; i++) expect(decode(wire, { maps: 'object' })).toEqual(bare({ first: 1, second: 2 }));
    const other = bytes("83 74 00000002 6d 00000005 'first' 61 01 61 07 61 02");
    expect(decode(other, { maps: 'object' })).toEqual(
      new Map<Term, Term>([
        [Buffer.from('first'), 1],
        [7, 2],
      ]),
    );
  });

  test('is not used in keys', () => {
    const wire = learn({ inner: 1 });
    const map = decode(encode(new Map([[decode(wire), 'value']])), OBJECTS) as Map<Term, Term>;
    expect([...map.keys()]).toEqual([new Map([[atom('inner'), 1]])]);
  });

  test('differs late in deep maps without being read again', () => {
    // Each level is like the shape but for its last key: reading it again from its start would take 2^60 steps.
    learn({ down: { down: null, left: 1 }, left: 1 });
    let term: Term = null;
    for (let i = 0; i < 60; i++) term = { down: term, other: 1 };
    expect(decode(encode(term), OBJECTS)).toEqual(decode(encode(term), PLAIN));
  });
});

describe('hostile keys', () => {
  const mischief = [
    '__proto__',
    'constructor',
    'toString',
    'a"];globalThis.hacked=1;//',
    "']};",
    '\\',
    '`${1}`',
    '\u2028\u2029',
    '*/',
    'a\nb',
    '\0',
    '__defineGetter__',
    'v0',
    'source',
  ];

  test('are data', () => {
    for (const keys of ['atom', 'string'] as const) {
      for (const key of mischief) {
        const object = bare({ [key]: 1, other: 'x' });
        if (key === '__proto__')
          Object.defineProperty(object, key, { value: 1, enumerable: true, writable: true, configurable: true });
        const wire = learn(object as Term, keys);
        const value = decode(wire, OBJECTS) as Record<string, unknown>;
        expect(Object.getPrototypeOf(value)).toBe(null);
        expect(new Set(Object.keys(value))).toEqual(new Set([key, 'other']));
        expect(value[key]).toBe(1);
        expect(encode(value as Term, { keys })).toEqual(wire);
      }
    }
    expect((globalThis as { hacked?: number }).hacked).toBeUndefined();
    expect(({} as { other?: unknown }).other).toBeUndefined();
  });

  test('in great numbers cost no memory for good', () => {
    const before = memory();
    for (let i = 0; i < 30_000; i++) {
      const wire = encode({ [`key_${i}`]: 1, [`other_${i}`]: 2 }, { keys: 'string' });
      decode(wire, OBJECTS);
    }
    // Shapes that a peer makes sure to repeat are learnt, but only so many.
    for (let i = 0; i < 3000; i++) {
      const wire = encode({ [`shape_${i}`]: 1, [`too_${i}`]: 2 }, { keys: 'string' });
      for (let j = 0; j < 10; j++) decode(wire, OBJECTS);
    }
    expect(memory() - before).toBeLessThan(64 * 1024 * 1024);
  });

  test('of objects that inherit: only their own go out', () => {
    class Inherited {
      own = 1;
    }
    expect(() => encode(new Inherited() as never)).toThrow('an instance of Inherited');
    expect(() => encode(Object.create({ inherited: 1 }) as never)).toThrow();
    Object.defineProperty(Object.prototype, 'polluted', {
      value: 1,
      enumerable: true,
      configurable: true,
      writable: true,
    });
    let wire: Buffer;
    try {
      wire = encode({ a: 1 });
    } finally {
      delete (Object.prototype as { polluted?: unknown }).polluted;
    }
    expect(wire).toEqual(bytes("83 74 00000001 77 01 'a' 61 01"));
  });
});

test('works where generating code is not allowed', () => {
  const door = new URL('../../lib/etf/index.js', import.meta.url).href;
  const program = `
    const { encode, decode } = await import(${JSON.stringify(door)});
    let allowed = true;
    try { new Function(''); } catch { allowed = false; }
    const wire = encode({ a: 1, b: 'x' });
    let value;
    for (let i = 0; i < 100; i++) value = decode(wire, { maps: 'object', binaries: 'string' });
    console.log(JSON.stringify([allowed, value]));`;
  const run = spawnSync(
    process.execPath,
    ['--disallow-code-generation-from-strings', '--input-type=module', '-e', program],
    {
      encoding: 'utf8',
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
    },
  );
  expect(run.stdout.trim()).toBe('[false,{"a":1,"b":"x"}]');
});

function attempt(wire: Uint8Array, options: DecodeOptions): unknown {
  try {
    return decode(wire, options);
  } catch (error) {
    if (error instanceof DecodeError) return error.code;
    throw error;
  }
}

function memory(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
