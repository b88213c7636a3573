// A mailbox that may hold so many messages and no more: its process ends, and with it what it held.
import { beforeEach, describe, expect, test } from 'vitest';
import { ArgumentError } from '../../src/errors.js';
import type { ProcessTable } from '../../src/process/process-table.js';
import { atom } from '../../src/term/atom.js';
import { tuple } from '../../src/term/tuple.js';
import { Cluster } from './cluster.js';

let cluster: Cluster;
let table: ProcessTable;
beforeEach(() => {
  cluster = new Cluster();
  table = cluster.node('a@h');
});

const full = (limit: number) =>
  expect.objectContaining({ code: 'mailbox_full', limit, asked: limit + 1, message: expect.stringContaining('<') });

test('so many messages stay, one more is the end: killed, told to those who watch, and to the log', async () => {
  const watcher = table.spawn(undefined);
  const process = table.spawn(undefined, { maxMessages: 3, monitor: watcher, name: 'slow' });
  for (let i = 0; i < 3; i++) watcher.send(process.pid, i);
  expect(await process.receive()).toBe(0);
  watcher.send('slow', 3);
  expect(process.messageQueueLength).toBe(3);
  expect(process.exited).toBe(false);
  watcher.send(process.pid, 4);
  expect(process.exited).toBe(true);
  expect(process.messageQueueLength).toBe(0);
  expect(cluster.crashes).toEqual([full(3)]);
  const down = await watcher.receive();
  expect(down).toEqual(tuple(atom('DOWN'), expect.anything(), atom('process'), process.pid, atom('killed')));
  await expect(process.receive()).rejects.toMatchObject({ code: 'killed' });
});

test('what is received as it comes does not count', async () => {
  const process = table.spawn(undefined, { maxMessages: 1 });
  for (let i = 0; i < 100; i++) {
    const waiting = process.receive();
    process.send(process.pid, i);
    expect(await waiting).toBe(i);
  }
  expect(process.exited).toBe(false);
});

test.each<[string, (victim: ReturnType<ProcessTable['spawn']>, other: ReturnType<ProcessTable['spawn']>) => void]>([
  [
    'messages with priority',
    (victim, other) => {
      const alias = victim.alias('explicit_unalias', { priority: true });
      for (let i = 0; i < 3; i++) other.send(alias, i, { priority: true });
    },
  ],
  [
    'trapped exit signals',
    (victim, other) => {
      victim.trapExit = true;
      for (let i = 0; i < 3; i++) other.exit(victim.pid, i);
    },
  ],
  [
    'DOWN messages',
    (victim) => {
      for (let i = 0; i < 3; i++) victim.monitor('nobody');
    },
  ],
])('%s count as any other', (_, fill) => {
  const victim = table.spawn(undefined, { maxMessages: 2 });
  fill(victim, table.spawn(undefined));
  expect(victim.exited).toBe(true);
  expect(cluster.crashes).toEqual([full(2)]);
});

test('a child has its own, and a message from another node counts, too', () => {
  const far = cluster.node('b@h').spawn(undefined);
  const parent = table.spawn(undefined);
  const pid = parent.spawn(() => new Promise(() => {}), { maxMessages: 1 });
  for (let i = 0; i < 2; i++) far.send(pid, i);
  expect(table.get(pid)).toBeDefined();
  cluster.settle();
  expect(table.get(pid)).toBeUndefined();
  for (let i = 0; i < 1000; i++) far.send(parent.pid, i);
  cluster.settle();
  expect(parent.messageQueueLength).toBe(1000);
});

describe('the limit of the node', () => {
  test('is for those who have none of their own, but not for processes of the node itself', () => {
    const limited = cluster.node('c@h', { maxMessages: 2 });
    const system = limited.spawn(undefined, { system: true });
    const plain = limited.spawn(undefined);
    const own = limited.spawn(undefined, { maxMessages: 3 });
    for (let i = 0; i < 3; i++) for (const { pid } of [system, plain, own]) system.send(pid, i);
    expect([system, plain, own].map(({ exited }) => exited)).toEqual([false, true, false]);
  });
});

test.each([0, -1, 1.5, Number.NaN, '5', null])('maxMessages: %j is refused', (maxMessages) => {
  expect(() => table.spawn(undefined, { maxMessages: maxMessages as number })).toThrow(ArgumentError);
});
