// Bytes in memory that shrinks, goes away or is shared with a worker: decode() and encodeInto() never look at what is no
// longer there, never give what changes afterwards, and go on with the next call.
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, test } from 'vitest';
import { ArgumentError, DecodeError } from '../../src/errors.js';
import { annotate, decode, decodeFirst, encode, encodeInto, encodeParts } from '../../src/etf/index.js';
import type { Term } from '../../src/term/term.js';

// Not in the library that our oldest Node.js has types for.
const growing = (Type: typeof ArrayBuffer | typeof SharedArrayBuffer, size: number, max: number) =>
  new (Type as new (size: number, options: object) => ArrayBuffer)(size, { maxByteLength: max });
const resize = (memory: ArrayBuffer, size: number) => (memory as unknown as { resize(n: number): void }).resize(size);
const detach = (memory: ArrayBuffer) => structuredClone(memory, { transfer: [memory] });

const TERM: Term = ['text', 'é'.repeat(3000), Buffer.alloc(9000, 7), 300];
const WIRE = encode(TERM);

afterEach(() => {
  expect(decode(WIRE)).toEqual([Buffer.from('text'), Buffer.from('é'.repeat(3000)), Buffer.alloc(9000, 7), 300]);
});

describe('decode', () => {
  test('shared memory: what was decoded stays what it was', () => {
    for (const memory of [new SharedArrayBuffer(WIRE.length), growing(SharedArrayBuffer, WIRE.length, 100_000)]) {
      const bytes = new Uint8Array(memory as ArrayBuffer);
      for (const options of [{}, { binaries: 'string' }, { copyBinaries: true }] as const) {
        bytes.set(WIRE);
        const term = decode(bytes, options);
        expect(decode(bytes, options)).toEqual(term);
        bytes.fill(0);
        expect(term).toEqual(decode(WIRE, options));
        // The same Uint8Array with other content is read anew.
        expect(() => decode(bytes, options)).toThrow(DecodeError);
      }
    }
  });

  test('compressed, in shared memory', () => {
    const packed = encode('é'.repeat(3000), { compressed: true });
    const bytes = new Uint8Array(new SharedArrayBuffer(packed.length + 1));
    bytes.set(packed);
    expect(decodeFirst(bytes, { binaries: 'string' })).toEqual({ term: 'é'.repeat(3000), used: packed.length });
  });

  test('memory that shrinks and grows', () => {
    const memory = growing(ArrayBuffer, WIRE.length + 100, 100_000);
    const fixed = new Uint8Array(memory, 0, WIRE.length);
    const tracking = new Uint8Array(memory);
    tracking.set(WIRE);
    const first = decode(fixed);
    resize(memory, WIRE.length);
    expect(decode(fixed)).toEqual(first);
    expect(decode(tracking)).toEqual(first);
    resize(memory, WIRE.length - 1);
    expect(() => decode(tracking)).toThrow(DecodeError);
    expect(() => decode(fixed)).toThrow(DecodeError);
    expect(first).toEqual(decode(WIRE));
  });

  test('memory that is gone', () => {
    for (const before of [true, false]) {
      const bytes = Uint8Array.from(WIRE);
      if (before) decode(bytes);
      detach(bytes.buffer);
      for (let i = 0; i < 2; i++) {
        expect(() => decode(bytes)).toThrow(expect.objectContaining({ code: 'truncated', offset: 0 }));
      }
    }
  });

  test('bytes of another realm, and what are no bytes', () => {
    expect(decode(runInNewContext('Uint8Array.of(131, 97, 5)') as Uint8Array)).toBe(5);
    for (const other of [undefined, null, 'x', [131, 106], new ArrayBuffer(2), new DataView(new ArrayBuffer(2))]) {
      for (const run of [decode, decodeFirst, annotate, (it: never) => encodeInto(it, 0, 1)]) {
        expect(() => run(other as never)).toThrow(ArgumentError);
      }
    }
    expect(() => decode(new Uint8ClampedArray([131, 106]) as never)).toThrow(ArgumentError);
  });
});

describe('encode', () => {
  test('binaries in all kinds of memory', () => {
    const content = Buffer.from('content');
    for (const memory of [new SharedArrayBuffer(7), growing(ArrayBuffer, 7, 20), growing(SharedArrayBuffer, 7, 20)]) {
      const bytes = new Uint8Array(memory as ArrayBuffer);
      bytes.set(content);
      expect(encode(bytes)).toEqual(encode(content));
    }
    const gone = Uint8Array.from(content);
    detach(gone.buffer);
    expect(encode(gone)).toEqual(encode(Buffer.of()));
    expect(encode(runInNewContext('Uint8Array.of(1)') as Uint8Array)).toEqual(encode(Buffer.of(1)));
  });

  test('into memory of all kinds', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(WIRE.length));
    expect(encodeInto(shared, 0, TERM)).toBe(WIRE.length);
    expect(Buffer.from(shared)).toEqual(WIRE);
    const memory = growing(ArrayBuffer, WIRE.length, 100_000);
    const target = new Uint8Array(memory);
    expect(encodeInto(target, 0, TERM)).toBe(WIRE.length);
    resize(memory, 2);
    expect(() => encodeInto(target, 0, TERM)).toThrow('there is room for 2');
    resize(memory, WIRE.length + 3);
    expect(encodeInto(target, 3, TERM)).toBe(WIRE.length + 3);
    expect(Buffer.from(target.subarray(3))).toEqual(WIRE);
    const gone = new Uint8Array(100);
    for (const before of [true, false]) {
      if (before) encodeInto(gone, 0, 1);
      else detach(gone.buffer);
    }
    expect(() => encodeInto(gone, 0, 1)).toThrow('there is room for 0');
  });

  test('what cannot be compressed says so', () => {
    expect(() => encodeInto(Buffer.alloc(100), 0, 'a', { compressed: true })).toThrow('encode() does');
    expect(() => encodeParts('a', { compressed: 6 })).toThrow('encode() does');
    expect(encodeParts('a', { compressed: false })).toEqual([encode('a')]);
  });
});
