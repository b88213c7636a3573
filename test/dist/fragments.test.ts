import { expect, test } from 'vitest';
import { Fragments } from '../../src/dist/fragments.js';
import { CONNECTION_LIMITS } from '../../src/dist/limits.js';
import { LimitError, ProtocolError } from '../../src/errors.js';

const limits = { ...CONNECTION_LIMITS, messageBytes: 100_000, fragmentBytes: 200_000, fragmentSequences: 10 };
const part = (text: string) => Buffer.from(text);

test('sequences interleave, count down, and end at 1', () => {
  const fragments = new Fragments(limits);
  fragments.start(1n, 3, [], part('a1'));
  fragments.start(2n, 2, [], part('b1'));
  expect(fragments.continue(1n, 2, part('a2'))).toBeUndefined();
  expect(fragments.continue(2n, 1, part('b2'))?.bytes.toString()).toBe('b1b2');
  expect(fragments.size).toBe(1);
  expect(fragments.continue(1n, 1, part(''))?.bytes.toString()).toBe('a1a2');
  expect([fragments.size, fragments.bytes]).toEqual([0, 0]);
  // An id may be used again once its message is complete.
  fragments.start(1n, 2, [], part(''));
  expect(fragments.continue(1n, 1, part(''))?.bytes).toHaveLength(0);
});

test('small and large parts come together in order', () => {
  const fragments = new Fragments(limits);
  const parts = [10, 20_000, 5, 0, 17_000, 16_384, 1, 30_000].map((size, i) => Buffer.allocUnsafeSlow(size).fill(i));
  fragments.start(9n, parts.length, [], parts[0] as Buffer);
  for (let i = 1; i < parts.length - 1; i++) {
    expect(fragments.continue(9n, parts.length - i, parts[i] as Buffer)).toBeUndefined();
  }
  const whole = fragments.continue(9n, 1, parts.at(-1) as Buffer);
  expect(whole?.bytes.equals(Buffer.concat(parts))).toBe(true);
});

test.each<[string, (fragments: Fragments) => void]>([
  ['an id in use', (fragments) => fragments.start(1n, 2, [], part(''))],
  ['an unknown id', (fragments) => fragments.continue(2n, 1, part(''))],
  ['a fragment left out', (fragments) => fragments.continue(1n, 1, part(''))],
  ['a fragment again', (fragments) => fragments.continue(1n, 3, part(''))],
])('refuses %s', (_what, run) => {
  const fragments = new Fragments(limits);
  fragments.start(1n, 3, [], part(''));
  expect(() => run(fragments)).toThrow(ProtocolError);
});

test('a small part does not keep a large chunk alive', () => {
  const fragments = new Fragments(limits);
  const chunk = Buffer.allocUnsafeSlow(64 * 1024);
  fragments.start(1n, 2, [], chunk.subarray(0, 3));
  expect(fragments.continue(1n, 1, chunk.subarray(3, 5))?.bytes.buffer).not.toBe(chunk.buffer);
});

test('messages, bytes and sequences are bounded', () => {
  const size = new Fragments(limits);
  size.start(1n, 9, [], Buffer.alloc(60_000));
  expect(() => size.continue(1n, 8, Buffer.alloc(60_000))).toThrow(
    expect.objectContaining({ code: 'message_too_large' }),
  );

  const count = new Fragments(limits);
  for (let i = 1n; i <= 10n; i++) count.start(i, 2, [], part('x'));
  expect(() => count.start(11n, 2, [], part('x'))).toThrow(LimitError);
  expect(() => count.start(11n, 2, [], part('x'))).toThrow(expect.objectContaining({ code: 'too_many_fragments' }));

  const all = new Fragments(limits);
  for (let i = 1n; i <= 2n; i++) all.start(i, 2, [], Buffer.alloc(90_000));
  expect(() => all.start(3n, 2, [], Buffer.alloc(90_000))).toThrow(expect.objectContaining({ limit: 200_000 }));
});
