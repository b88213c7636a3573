import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ArgumentError } from '../../src/errors.js';
import { completeNodeName, isLongHost, isNodeName, parseNodeName } from '../../src/node/node-name.js';
import { startErlang } from '../support/erlang.js';

describe('parseNodeName', () => {
  test.each([
    ['ts@127.0.0.1', 'ts', '127.0.0.1', true],
    ['a-B_9@host', 'a-B_9', 'host', false],
    ['a@my.host', 'a', 'my.host', true],
    ['a@::1', 'a', '::1', true],
    ['a@hóst', 'a', 'hóst', false],
  ])('%s', (name, alive, host, long) => {
    expect(parseNodeName(name)).toEqual({ name, alive, host, long });
    expect(isNodeName(name)).toBe(true);
  });

  test.each([
    ['', 'there is no @'],
    ['ts', 'there is no @'],
    ['@host', 'before the @'],
    ['ts@', 'after the @'],
    ['@', 'before the @'],
    ['a@b@c', 'more than one @'],
    ['t.s@host', 'letters, digits'],
    ['ünde@host', 'letters, digits'],
    ['a b@host', 'letters, digits'],
    ['a@ho st', 'after the @'],
    ['a@host\n', 'after the @'],
    ['a\n@host', 'letters, digits'],
    ['a@\u{85}', 'after the @'],
    ['a@日本', 'after the @'],
    [`a@${'h'.repeat(254)}`, '256 characters'],
  ])('refuses %j', (name, why) => {
    expect(() => parseNodeName(name)).toThrow(ArgumentError);
    expect(() => parseNodeName(name)).toThrow(expect.objectContaining({ code: 'badarg' }));
    expect(() => parseNodeName(name)).toThrow(why);
    expect(() => parseNodeName(name)).toThrow('alive@host');
    expect(isNodeName(name)).toBe(false);
  });

  test('refuses what is no string, for those without types', () => {
    for (const value of [undefined, null, 7, Symbol('x'), {}])
      expect(() => parseNodeName(value as string)).toThrow(ArgumentError);
  });

  test('says nothing that a terminal would obey', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        try {
          const { alive, host } = parseNodeName(text);
          expect(`${alive}@${host}`).toBe(text);
        } catch (error) {
          expect((error as Error).message).toMatch(/^[ -~…]*$/);
        }
      }),
    );
  });
});

describe('completeNodeName', () => {
  test.each([
    ['ts@h.example', 'machine', 'ts@h.example'],
    ['ts', 'machine', 'ts@machine'],
    ['ts', 'machine.example.org', 'ts@machine'],
  ])('%s on %s', (name, machine, full) => {
    expect(completeNodeName(name, machine)).toBe(full);
  });

  test('does as erl -sname does on this machine', async () => {
    await using erl = await startErlang({ name: false });
    // What -sname puts after the @.
    expect(await erl.eval('element(2, inet:gethostname())')).toBe(`"${completeNodeName('ts').slice(3)}"`);
  });

  test.each([
    ['t.s', 'machine', 'letters, digits'],
    ['', 'machine', 'before the @'],
    ['ts', '', 'host name'],
    ['ts', 'my machine', 'host name'],
    ['ts@', 'machine', 'after the @'],
  ])('refuses %j on %j', (name, machine, why) => {
    expect(() => completeNodeName(name, machine)).toThrow(why);
    expect(() => completeNodeName(name, machine)).toThrow(ArgumentError);
  });
});

test('a host with a dot, or an address, is long', () => {
  expect(['a.b', '127.0.0.1', '::1'].map(isLongHost)).toEqual([true, true, true]);
  expect(['localhost', 'h-1'].map(isLongHost)).toEqual([false, false]);
});
