import { describe, expect, test } from 'vitest';
import { transportConformance } from '../../src/testing/index.js';
import { memory } from '../../src/transport/memory.js';
import type { ByteStream, Transport } from '../../src/transport/transport.js';

const host = 'memory.test';
const never = new AbortController().signal;

for (const [kind, chunkSize] of [
  ['whole', undefined],
  ['in threes and fours', () => 3 + Math.round(Math.random())],
] as const) {
  describe(`conformance, ${kind}`, () => {
    const cases = transportConformance({
      create: () => ({ transport: chunkSize === undefined ? memory() : memory({ chunkSize: cut(chunkSize) }), host }),
      refused: async () => ({ host, port: 4370 }),
      unknownHost: { host: 'x.invalid', port: 1 },
      freePorts: async () => ({ min: 9000, max: 9001 }),
    });
    for (const { name, run } of cases) test(name, run);
  });
}

/** Small pieces at first, so that a case with millions of bytes ends as well. */
function cut(size: () => number): () => number {
  let pieces = 0;
  return () => (pieces++ < 5000 ? size() : 1_000_000);
}

async function pair(transport: Transport): Promise<[ByteStream, ByteStream]> {
  const accepted = new Promise<ByteStream>((resolve) => {
    void transport.listen({ host, port: 1, onConnection: resolve, onError() {} });
  });
  return [await transport.connect({ host, port: 1 }, { signal: never }), await accepted];
}

test('cuts as it is told: byte by byte', async () => {
  const [a, b] = await pair(memory({ chunkSize: 1 }));
  const pieces: string[] = [];
  const closed = new Promise<void>((resolve) => {
    b.start({ onData: (chunk) => pieces.push(chunk.toString()), onDrain() {}, onClose: () => resolve() });
  });
  a.write([Buffer.from('he'), Buffer.from('llo')]);
  a.end();
  await closed;
  expect(pieces).toEqual(['h', 'e', 'l', 'l', 'o']);
});

test('joins what was written before the reader ran, as TCP does', async () => {
  const [a, b] = await pair(memory());
  const pieces: string[] = [];
  const closed = new Promise<void>((resolve) => {
    b.start({ onData: (chunk) => pieces.push(chunk.toString()), onDrain() {}, onClose: () => resolve() });
  });
  a.write([Buffer.from('he')]);
  a.write([Buffer.from('llo')]);
  a.end();
  await closed;
  expect(pieces).toEqual(['hello']);
});

test('a pause from within onData takes effect before the next piece', async () => {
  const [a, b] = await pair(memory({ chunkSize: 2 }));
  const pieces: string[] = [];
  const closed = new Promise<void>((resolve) => {
    b.start({
      onData: (chunk) => {
        pieces.push(chunk.toString());
        b.pause();
        setImmediate(() => {
          pieces.push('|');
          b.resume();
        });
      },
      onDrain() {},
      onClose: () => resolve(),
    });
  });
  a.write([Buffer.from('abcde')]);
  a.end();
  await closed;
  expect(pieces.join('')).toMatch(/^ab\|cd\|e\|?$/);
});

test('the writer may use its buffer again', async () => {
  const [a, b] = await pair(memory());
  const buffer = Buffer.from('before');
  a.write([buffer]);
  buffer.fill(0);
  const received = new Promise<string>((resolve) => {
    b.start({ onData: (chunk) => resolve(chunk.toString()), onDrain() {}, onClose() {} });
  });
  expect(await received).toBe('before');
});

test('two networks do not know each other', async () => {
  const [one, other] = [memory(), memory({ handshakeLengthBytes: 4 })];
  await one.listen({ host, port: 1, onConnection() {}, onError() {} });
  await expect(other.connect({ host, port: 1 }, { signal: never })).rejects.toMatchObject({ code: 'econnrefused' });
  expect([one.handshakeLengthBytes, other.handshakeLengthBytes]).toEqual([2, 4]);
});

test.each([{ chunkSize: Number.NaN }, { chunkSize: 0 }, { chunkSize: '7' }, { handshakeLengthBytes: 3 }, { size: 1 }])(
  '%o is refused',
  (options) => {
    expect(() => memory(options as object)).toThrow(expect.objectContaining({ name: 'ArgumentError', code: 'badarg' }));
  },
);

test('a function that names no size gets single bytes', async () => {
  const [a, b] = await pair(memory({ chunkSize: () => Number.NaN }));
  const pieces: number[] = [];
  const closed = new Promise<void>((resolve) => {
    b.start({ onData: (piece) => pieces.push(piece.length), onDrain() {}, onClose: () => resolve() });
  });
  a.write([Buffer.from('abc')]);
  a.end();
  await closed;
  expect(pieces).toEqual([1, 1, 1]);
});
