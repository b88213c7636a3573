// Identifiers are unique in a node's life, and within what old peers take back; keys tell any two apart.
import { describe, expect, test } from 'vitest';
import { LocalIdentifiers } from '../../src/process/local-identifiers.js';
import { pid, reference } from '../../src/term/identifiers.js';

const identifiers = new LocalIdentifiers('a@h', 0xffff_fff0, 0x8000_0001);

describe('pids', () => {
  test('start small, are unique, and stay within 15 bits of id', () => {
    const many = Array.from({ length: 70_000 }, () => identifiers.makePid());
    expect(many[0]).toMatchObject({ id: 1, serial: 0, creation: 0xffff_fff0, node: 'a@h' });
    expect(many.every(({ id }) => id > 0 && id < 0x8000)).toBe(true);
    expect(new Set(many.map(({ key }) => key)).size).toBe(many.length);
    expect(new Set(many.map((one) => identifiers.pidKey(one))).size).toBe(many.length);
    expect(many.at(-1)?.serial).toBe(2);
  });

  test('keys of others, of other lives, and of forged ones differ from ours', () => {
    const ours = identifiers.makePid();
    const forged = [
      pid('b@h', ours.id, ours.serial, ours.creation),
      pid('a@h', ours.id, ours.serial, 5),
      pid('a@h', ours.id + 0x8000, ours.serial - 1, ours.creation),
      pid('a@h', 0xffff_ffff, 0xffff_ffff, ours.creation),
    ];
    const keys = [ours, ...forged].map((one) => identifiers.pidKey(one));
    expect(new Set(keys).size).toBe(keys.length);
    expect(identifiers.pidKey(pid('a@h', ours.id, ours.serial, ours.creation))).toBe(identifiers.pidKey(ours));
  });
});

describe('references', () => {
  test('are unique, with 18 bits in the first word', () => {
    const many = Array.from({ length: 300_000 }, () => identifiers.makeReference());
    expect(many.every(({ words }) => (words[0] as number) < 0x40000 && words.length === 3)).toBe(true);
    expect(new Set(many.map((one) => identifiers.referenceKey(one))).size).toBe(many.length);
    expect(many.at(-1)?.words).toEqual([300_000 - 0x40000, 1, 0x8000_0001]);
  });

  test('keys of forged ones differ from ours', () => {
    const ours = identifiers.makeReference();
    const [low = 0, high = 0, seed = 0] = ours.words;
    const others = [
      [low + 0x40000, high - 1, seed],
      [low, high, seed + 1],
      [low, high],
      [low, high, seed, 0],
      [low, high, seed, 0, 0],
    ].map((words) => reference('a@h', ours.creation, words));
    const keys = [ours, reference('b@h', ours.creation, ours.words), ...others].map((one) =>
      identifiers.referenceKey(one),
    );
    expect(new Set(keys).size).toBe(keys.length);
    expect(identifiers.referenceKey(reference('a@h', ours.creation, [low, high, seed]))).toBe(keys[0]);
  });
});
