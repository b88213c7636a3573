// What is cut from an encoded message, and what it is cut from.
import { expect, test } from 'vitest';
import { Body } from '../../src/dist/body.js';
import { Output } from '../../src/dist/output.js';
import { LimitError } from '../../src/errors.js';
import { Encoder } from '../../src/etf/encode.js';
import { tuple } from '../../src/term/tuple.js';
import { connect, mine, peer, self, theirs } from './peers.js';

const fragments = 0x800000n;
const cache = 0x2000n;
const flags = 0xd075f5fbcn | fragments | cache;

const filled = (size: number) => Buffer.from(Array.from({ length: size }, (_, i) => i % 251));

test('binaries are taken where they are, in whatever portions the message is taken', () => {
  const encoded = Buffer.from('head|between|end');
  const a = filled(20_000);
  const b = filled(5000);
  const whole = Buffer.concat([Buffer.from('head|'), a, Buffer.from('between|'), b, Buffer.from('end')]);
  for (const portion of [1000, 4999, 20_004, 20_005, 20_006, 25_013, 25_016]) {
    const body = new Body(encoded, [
      { at: 5, bytes: a, size: a.length },
      { at: 13, bytes: b, size: b.length },
    ]);
    expect(body.size).toBe(whole.length);
    const output = new Output();
    while (body.taken < body.size) body.moveTo(output, Math.min(portion, body.size - body.taken));
    expect(output.bytes).toBe(whole.length);
    expect(Buffer.concat(output.take()).equals(whole)).toBe(true);
  }
});

test('only what is longer than a fragment is cut, and never in its control term', () => {
  const encoded = filled(100);
  expect(new Body(encoded, []).first).toBe(100);
  expect(new Body(encoded, [], 100, 10).first).toBe(100);
  expect(new Body(encoded, [], 60, 10).first).toBe(60);
  expect(new Body(encoded, [], 60, 70).first).toBe(70);
  const binary = { at: 100, bytes: filled(50), size: 50 };
  expect(new Body(encoded, [binary], 100, 10).first).toBe(100);
});

test('a connection sends large binaries from where they lie', () => {
  const here = connect({ flags });
  const there = connect({ flags, self: peer, peer: self });
  const large = filled(300_000);
  const inner = filled(20_000);
  const message = tuple(filled(5), [large, new Map([[1, inner]])], large);
  here.connection.send({ op: 'SEND', from: mine, to: theirs, message });
  const pieces = here.connection.takeOutput();
  const own = pieces.filter(({ buffer }) => buffer === large.buffer || buffer === inner.buffer);
  expect(own.reduce((sum, { length }) => sum + length, 0)).toBe(620_000);
  there.connection.receive(Buffer.concat(pieces), 0);
  expect(there.messages).toEqual([{ op: 'SEND', from: mine, to: theirs, message }]);
});

test('a binary whose memory is taken away while it waits spoils nothing but itself', () => {
  const here = connect({ flags });
  const there = connect({ flags, self: peer, peer: self });
  const large = new Uint8Array(300_000).fill(1);
  here.connection.send({ op: 'SEND', from: mine, to: theirs, message: large });
  const begun = Buffer.concat(here.connection.takeOutput(70_000));
  structuredClone(large.buffer, { transfer: [large.buffer] });
  expect(large.length).toBe(0);
  here.connection.send({ op: 'SEND', from: mine, to: theirs, message: 'next' });
  there.connection.receive(Buffer.concat([begun, here.output()]), 0);
  const [first, second] = there.messages as unknown as { message: Buffer }[];
  expect(first?.message.length).toBe(300_000);
  expect(first?.message[0]).toBe(1);
  expect(second?.message.toString()).toBe('next');
});

test.each([20_000, 300_000])('… nor one of %i bytes whose memory is taken away before any of it was sent', (size) => {
  const here = connect({ flags });
  const there = connect({ flags, self: peer, peer: self });
  const large = new Uint8Array(size).fill(1);
  here.connection.send({ op: 'SEND', from: mine, to: theirs, message: large });
  structuredClone(large.buffer, { transfer: [large.buffer] });
  here.connection.send({ op: 'SEND', from: mine, to: theirs, message: 'next' });
  there.connection.receive(here.output(), 0);
  const [first, second] = there.messages as unknown as { message: Buffer }[];
  expect(first?.message.length).toBe(size);
  expect(second?.message.toString()).toBe('next');
});

test('what is left out counts against the limit, and a message that is over it leaves nothing behind', () => {
  const encoder = new Encoder({ limits: { encodedSize: 50_000 } });
  encoder.begin();
  encoder.byte(1);
  expect(() => encoder.termWithout([filled(30_000), filled(30_000)])).toThrow(LimitError);
  expect(encoder.length).toBe(1);
  expect(encoder.termWithout([filled(30_000)])).toHaveLength(1);
});
