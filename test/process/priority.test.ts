// Messages with priority (OTP 28, protocol section 4.3, "Priority"): only for those who made an alias for them, and of
// ends that a process asked to hear of first.
import { beforeEach, describe, expect, test } from 'vitest';
import type { Process } from '../../src/process/process.js';
import type { ProcessTable } from '../../src/process/process-table.js';
import type { Term } from '../../src/term/term.js';
import { Tuple } from '../../src/term/tuple.js';
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

/** What came, in short: the word of a DOWN or an EXIT with its reason, or the message. */
async function inShort(): Promise<Term[]> {
  return (await all()).map((message) => {
    if (!(message instanceof Tuple)) return message;
    const [word, ...rest] = message.elements;
    return `${word} ${rest.at(-1)}`;
  });
}

describe.each([
  ['on this node', () => a.spawn(undefined)],
  ['on another', () => far],
])('exit signals of a process %s', (_, sender) => {
  test('to an alias that was made for it, with priority: before ordinary messages, if exits are trapped', async () => {
    me.trapExit = true;
    const from = sender();
    const alias = me.alias('reply', { priority: true });
    from.send(me.pid, 1);
    from.exit(alias, 'first', { priority: true });
    from.exit(alias, 'ordinary');
    from.exit(me.pid, 'to the pid', { priority: true });
    from.exit(me.alias(), 'to another alias', { priority: true });
    from.exit(alias, 'second', { priority: true });
    cluster.settle();
    // An exit signal is no reply: the alias goes on.
    expect(await inShort()).toEqual([
      'EXIT first',
      'EXIT second',
      1,
      'EXIT ordinary',
      'EXIT to the pid',
      'EXIT to another alias',
    ]);
    expect(me.unalias(alias)).toBe(true);
  });

  test('to an alias that is no more: none; to one that does not trap exits: its end', () => {
    const from = sender();
    const [gone, alive] = [me.alias(), me.alias()];
    me.unalias(gone);
    from.exit(gone, 'x', { priority: true });
    cluster.settle();
    expect(me.exited).toBe(false);
    from.exit(alive, 'x', { priority: true });
    cluster.settle();
    expect(me.exited).toBe(true);
  });
});

describe.each([
  ['on this node', () => a.spawn(undefined)],
  ['on another', () => far],
])('the end of a process %s', (_, make) => {
  test('monitored with priority: its DOWN is first; its alias is an ordinary one', async () => {
    const other = make();
    const ref = me.monitor(other.pid, { priority: true, alias: 'explicit_unalias' });
    me.monitor(other.pid);
    me.send(me.pid, 1);
    other.send(ref, 2, { priority: true });
    cluster.settle();
    other.exit('x');
    cluster.settle();
    expect(await inShort()).toEqual(['DOWN x', 1, 2, 'DOWN x']);
  });

  test('linked with priority: its EXIT is first; the last link counts', async () => {
    me.trapExit = true;
    for (const [first, second] of [
      [true, undefined],
      [undefined, true],
      [true, false],
      [false, undefined],
    ]) {
      const other = make().spawn(() => new Promise(() => {}));
      me.link(other, first === undefined ? {} : { priority: first });
      if (second !== undefined) me.link(other, { priority: second });
      me.send(me.pid, 1);
      cluster.settle();
      make().exit(other, 'x');
      cluster.settle();
      expect(await inShort()).toEqual((second ?? first) === true ? ['EXIT x', 1] : [1, 'EXIT x']);
    }
  });

  test('a link that is made anew, or by the other side, has none', async () => {
    me.trapExit = true;
    const other = make();
    me.link(other.pid, { priority: true });
    me.unlink(other.pid);
    cluster.settle();
    other.link(me.pid);
    me.send(me.pid, 1);
    cluster.settle();
    other.exit('x');
    cluster.settle();
    expect(await inShort()).toEqual([1, 'EXIT x']);
  });
});

test('a connection that is lost: links and monitors with priority come first', async () => {
  me.trapExit = true;
  me.link(far.pid, { priority: true });
  me.monitor(far.pid, { priority: true });
  me.send(me.pid, 1);
  cluster.settle();
  cluster.cut('a@h', 'b@h');
  expect(await inShort()).toEqual(['EXIT noconnection', 'DOWN noconnection', 1]);
});

test('demonitor with flush takes out a DOWN that came with priority', async () => {
  const ref = me.monitor(a.spawn(() => undefined).pid, { priority: true });
  await Promise.resolve();
  me.send(me.pid, 1);
  me.demonitor(ref, { flush: true });
  me.send(me.alias('reply', { priority: true }), 2, { priority: true });
  expect(await all()).toEqual([2, 1]);
});
