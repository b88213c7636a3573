// What decoding leaves behind: nothing for atoms nobody holds, and binaries keep no more alive than is stated.
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { DecodeError } from '../../src/errors.js';
import { VIEW_RATIO } from '../../src/etf/binaries.js';
import { decode, encode, encodeParts } from '../../src/etf/index.js';
import { atomCount } from '../../src/term/atom.js';
import type { Term } from '../../src/term/term.js';
import { tuple } from '../../src/term/tuple.js';
import { bytes } from '../fixtures/etf.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

test('atoms that nobody holds are collected', async () => {
  for (let i = 0; i < 100_000; i++)
    decode(Buffer.concat([Buffer.of(131, 119, 14), Buffer.from(`gone_${i}`.padEnd(14, '_'))]));
  const all = atomCount();
  expect(all).toBeGreaterThan(20_000);
  for (let tries = 0; tries < 100 && atomCount() > 20_000; tries++) {
    collect();
    await sleep(10);
  }
  expect(atomCount()).toBeLessThan(20_000);
});

test('a binary keeps at most a stated multiple of itself alive', () => {
  for (const size of [0, 1, 63, 64, 65, 1000, 5000, 20_000, 100_000]) {
    for (const others of [0, 10, 5000, 1_000_000]) {
      const frame = encode([Buffer.alloc(size, 1), Buffer.alloc(others, 2)]);
      for (const copyBinaries of [false, true]) {
        const [binary] = decode(frame, { copyBinaries }) as [Buffer, Buffer];
        expect(binary).toEqual(Buffer.alloc(size, 1));
        // Small copies share Node's pool.
        expect(binary.buffer.byteLength).toBeLessThanOrEqual(Math.max(VIEW_RATIO * size, Buffer.poolSize));
        if (copyBinaries) expect(binary.buffer).not.toBe(frame.buffer);
      }
    }
  }
});

test('a small encoded term keeps at most 128 KB alive, whatever was encoded before', () => {
  for (const before of [0, 1000, 60_000, 70_000, 1_000_000]) {
    for (const size of [0, 100, 5000, 60_000, 66_000]) {
      encode(Buffer.alloc(before));
      expect(encode(Buffer.alloc(size)).buffer.byteLength).toBeLessThanOrEqual(Math.max(128 * 1024, 2 * size));
    }
  }
});

test('a decoder lets go of large memory', async () => {
  let frame: Buffer | undefined = encode(Buffer.alloc(16 * 1024 * 1024));
  const gone = new WeakRef(frame.buffer);
  const size = (decode(frame) as Buffer).length;
  expect(size).toBe(16 * 1024 * 1024);
  frame = undefined;
  for (let tries = 0; tries < 100 && gone.deref() !== undefined; tries++) {
    await sleep(10);
    collect();
  }
  expect(gone.deref()).toBeUndefined();
});

test('an encoder keeps nothing of what it wrote, or could not write', async () => {
  const write = (term: Term) => {
    for (const options of [{}, { deterministic: true }, { keys: 'string' }] as const) {
      for (const run of [encode, encodeParts]) {
        try {
          run(term, options);
        } catch (error) {
          expect((error as { code: string }).code).toBe('not_encodable');
        }
      }
    }
  };
  const make = (last: unknown): WeakRef<object>[] => {
    const parts: readonly object[] = [tuple([1]), tuple([2]), Buffer.alloc(100_000), { some: 'object' }];
    const [one, two, large, object] = parts as readonly Term[];
    write([
      new Map<Term, Term>([
        [one, large],
        [two, object],
      ]),
      last as Term,
    ]);
    return parts.map((part) => new WeakRef(part));
  };
  const gone = [...make(1), ...make(Symbol('no term'))];
  for (let tries = 0; tries < 100 && gone.some((part) => part.deref() !== undefined); tries++) {
    await sleep(10);
    collect();
  }
  expect(gone.map((part) => part.deref())).toEqual(gone.map(() => undefined));
});

test('keys and shapes of objects are kept in bounded number', () => {
  const some = (from: number) => {
    for (let i = from; i < from + 20_000; i++) {
      // Often enough that a shape is learnt, while shapes still are.
      for (let j = 0; j < (i % 10 === 0 ? 40 : 1); j++)
        encode({ [`first ${i}`]: i, [`second ${i}`]: 'text' }, { keys: 'string' });
    }
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = some(0);
  expect(some(20_000) - before).toBeLessThan(8 * 1024 * 1024);
});

test.each([
  ['a binary', '6d ffffffff'],
  ['a bitstring', '4d ffffffff 03'],
  ['an integer', '6f ffffffff 00'],
  ['an atom', '76 ffff'],
  ['a string', '6b ffff'],
  ['a list', '6c ffffffff'],
  ['a tuple', '69 ffffffff'],
  ['a map', '74 ffffffff'],
  ['a record', "43 ffffffff 00 77 01 'm' 77 01 'r'"],
  ['a reference', "5a ffff 77 01 'n'"],
  ['a closure', `70 ffffffff 01 ${'00'.repeat(16)} 00000000 000000ff`],
  ['compressed bytes', '50 03ffffff 789c'],
])('a promise of as much as can be promised costs less than 1 MB: %s', (_name, hex) => {
  const lie = bytes(`83 ${hex} 6a6a6a6a`);
  const used = () => {
    const { heapUsed, external, arrayBuffers } = process.memoryUsage();
    return heapUsed + external + arrayBuffers;
  };
  expect(() => decode(lie)).toThrow(DecodeError);
  const before = used();
  expect(() => decode(lie)).toThrow(DecodeError);
  expect(used() - before).toBeLessThan(1024 * 1024);
});
