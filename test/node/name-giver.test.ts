// Names for peers that ask for one: never one that somebody has, free ones again with another creation, few remembered.
import { expect, test } from 'vitest';
import { NameGiver } from '../../src/node/name-giver.js';

const nobody = (): boolean => false;

test('names are on the host that asks, and no two of them are the same', () => {
  const names = new NameGiver();
  const given = Array.from({ length: 1000 }, () => names.give('host', nobody).node);
  expect(new Set(given).size).toBe(1000);
  for (const name of given) expect(name).toMatch(/^[0-9A-Z]+@host$/);
});

test('a name that is free is given again, on its host, with the next creation', () => {
  const names = new NameGiver();
  const first = names.give('host', nobody);
  names.release(first.node);
  expect(names.give('other', nobody).node).not.toBe(first.node);
  const second = names.give('host', nobody);
  expect(second.node).toBe(first.node);
  expect(second.creation).not.toBe(first.creation);
  expect(names.give('host', nobody).node).not.toBe(first.node);
});

test('what strangers ask for and give up again leaves a thousand names behind at most', () => {
  const names = new NameGiver();
  for (let i = 0; i < 20_000; i++) names.release(names.give(`host${i}`, nobody).node);
  expect(names.size).toBe(1000);
  // Whoever comes then gets a name all the same, and does not add to it for ever.
  for (let i = 0; i < 20_000; i++) names.release(names.give('host', nobody).node);
  expect(names.size).toBe(1000);
});

test('names that were not given here are none of its business', () => {
  const names = new NameGiver();
  for (let i = 0; i < 5000; i++) names.release(`stranger${i}@host`);
  expect(names.size).toBe(0);
});
