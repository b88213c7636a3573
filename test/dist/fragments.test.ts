import { describe, expect, test } from 'vitest';
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

describe('time', () => {
  const timeout = expect.objectContaining({ code: 'fragment_timeout', limit: 60 });

  test('a message that gets no further is given up, however many others come in time', () => {
    const fragments = new Fragments({ ...limits, fragmentTime: 60 });
    fragments.start(1n, 100, [], part('x'));
    fragments.start(2n, 100, [], part('x'));
    for (let i = 99; i > 95; i--) {
      fragments.pass(15_000);
      fragments.continue(2n, i, part('x'));
    }
    fragments.pass(15_000);
    expect(() => fragments.pass(15_000)).toThrow(timeout);
  });

  test('one that goes on may take as long as it takes', () => {
    const fragments = new Fragments({ ...limits, fragmentTime: 60 });
    fragments.start(1n, 1000, [], part('x'));
    for (let i = 999; i > 1; i--) {
      fragments.pass(60_000);
      fragments.continue(1n, i, part('x'));
    }
    expect(fragments.continue(1n, 1, part('x'))?.bytes).toHaveLength(1000);
    fragments.pass(1e9);
  });

  test('none is given up before its time, wherever between two looks at the clock its last fragment came', () => {
    for (const interval of [1, 7, 59.9, 60, 61, 600]) {
      const fragments = new Fragments({ ...limits, fragmentTime: 60 });
      fragments.pass(interval * 1000);
      fragments.start(1n, 2, [], part('x'));
      // It may have come just now, so up to this long ago it must not be late.
      let age = 0;
      const look = (): void => {
        age += interval;
        fragments.pass(interval * 1000);
      };
      while (age + interval <= 60 + interval) look();
      expect(() => {
        for (let i = 0; i < 2; i++) look();
      }).toThrow(timeout);
      expect(age).toBeGreaterThan(60);
      expect(age).toBeLessThanOrEqual(60 + 2 * interval + 0.001);
    }
  });
});
