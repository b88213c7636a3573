// Pids, ports and references: every field counts, and `key` tells apart what `equals` tells apart.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { internAtom } from '../../src/term/atom.js';
import { equals } from '../../src/term/compare.js';
import { Pid, Port, pid, Reference, reference } from '../../src/term/identifiers.js';
import { identifier } from './arbitrary.js';

test('print as their own node prints them', () => {
  const me = pid('e@h', 85, 2, 4);
  expect([me.node, me.id, me.serial, me.creation]).toEqual(['e@h', 85, 2, 4]);
  expect(String(me)).toBe('<0.85.2>');
  expect(String(reference('e@h', 4, [1, 2, 3]))).toBe('#Ref<0.3.2.1>');
  expect(String(new Port(internAtom('e@h'), 2n ** 60n, 4))).toBe('#Port<0.1152921504606846976>');
});

test('equals and key agree with =:=', () => {
  const different = fc.tuple(identifier, identifier).filter(([one]) => !(one instanceof Reference));
  fc.assert(
    fc.property(different, ([one, two]) => {
      const same = equals(one, two);
      expect((one as Pid | Port).equals(two)).toBe(same);
      expect((one as Pid | Port).key === (two as Pid | Port).key).toBe(same);
    }),
  );
});

test('references of different lengths', () => {
  const one = reference('e@h', 4, [1]);
  expect(one.equals(reference('e@h', 4, [1]))).toBe(true);
  expect(one.equals(reference('e@h', 4, [1, 2]))).toBe(false);
  expect(one.equals(reference('e@h', 5, [1]))).toBe(false);
  expect(one.key).not.toBe(reference('e@h', 4, [1, 0]).key);
});

test('a previous life of the same node is another process', () => {
  expect(pid('e@h', 1, 0, 4).equals(pid('e@h', 1, 0, 5))).toBe(false);
  expect(pid('e@h', 1, 0, 4).key).not.toBe(pid('e@h', 1, 0, 5).key);
  expect(new Pid(internAtom('nil'), 1, 0, 4).node).toBe('nil');
});

test('usable as keys', () => {
  const waiting = new Map([[pid('e@h', 1, 0, 4).key, 'here']]);
  expect(waiting.get(pid('e@h', 1, 0, 4).key)).toBe('here');
});
