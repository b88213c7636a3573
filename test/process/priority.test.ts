// Messages with priority (OTP 28, protocol section 4.3, "Priority"): only for those who made an alias for them.
import { beforeEach, describe, expect, test } from 'vitest';
import type { Process } from '../../src/process/process.js';
import type { ProcessTable } from '../../src/process/process-table.js';
import type { Term } from '../../src/term/term.js';
import { Cluster } from './cluster.js';

let cluster: Cluster;
let a: ProcessTable;
let me: Process;
let far: Process;

beforeEach(() => {
  cluster = new Cluster();
  a = cluster.node('a@h');
  me = a.spawn(undefined);
  far = cluster.node('b@h').spawn(undefined);
});

async function all(): Promise<Term[]> {
  const messages: Term[] = [];
  while (me.messageQueueLength > 0) messages.push(await me.receive());
  return messages;
}

describe.each([
  ['a process of the node', () => a.spawn(undefined)],
  ['one of another', () => far],
])('sent by %s', (_, sender) => {
  test('they go before ordinary ones, in their own order', async () => {
    const from = sender();
    const alias = me.alias('explicit_unalias', { priority: true });
    from.send(me.pid, 1);
    from.send(alias, 'first', { priority: true });
    from.send(alias, 2);
    from.send(alias, 'second', { priority: true });
    from.send(me.pid, 3);
    cluster.settle();
    expect(await all()).toEqual(['first', 'second', 1, 2, 3]);
  });

  test('to a pid, or an alias that was not made for it, they are ordinary', async () => {
    const from = sender();
    const alias = me.alias();
    from.send(me.pid, 1);
    from.send(alias, 2, { priority: true });
    from.send(me.pid, 3, { priority: true });
    cluster.settle();
    expect(await all()).toEqual([1, 2, 3]);
  });
});

test('what was taken, from the middle too, or flushed, does not count any more', async () => {
  const alias = me.alias('explicit_unalias', { priority: true });
  const urgent = (message: Term) => me.send(alias, message, { priority: true });
  me.send(me.pid, 1);
  for (const message of ['a', 'b', 'c']) urgent(message);
  expect(await me.receive((message) => message === 'b')).toBe('b');
  expect(await me.receive()).toBe('a');
  urgent('d');
  me.mailbox.flush((message) => message === 'c');
  urgent('e');
  me.send(me.pid, 2);
  expect(await me.receive((message) => message === 1)).toBe(1);
  urgent('f');
  expect(await all()).toEqual(['d', 'e', 'f', 2]);
});

test('a receive that waits gets it like any other', async () => {
  const alias = me.alias('reply', { priority: true });
  const waiting = me.receive();
  me.send(alias, 'now', { priority: true });
  me.send(alias, 'too late', { priority: true });
  expect(await waiting).toBe('now');
  expect(me.messageQueueLength).toBe(0);
});
