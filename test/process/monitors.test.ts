// Monitors and the aliases that come with them: the four kinds, and who may touch them.
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { ArgumentError } from '../../src/errors.js';
import type { Process } from '../../src/process/process.js';
import type { ProcessTable } from '../../src/process/process-table.js';
import { atom } from '../../src/term/atom.js';
import { pid } from '../../src/term/identifiers.js';
import { tuple } from '../../src/term/tuple.js';
import { Cluster, leftovers, NOTHING_LEFT } from './cluster.js';

const DOWN = atom('DOWN');
const PROCESS = atom('process');

let cluster: Cluster;
let table: ProcessTable;
let me: Process;

beforeEach(() => {
  cluster = new Cluster();
  table = cluster.node('a@h');
  me = table.spawn(undefined);
});

describe('monitors', () => {
  test('by pid and by name, with the object as it was asked for', async () => {
    const other = table.spawn(undefined, { name: 'other' });
    const [byPid, byName] = [me.monitor(other.pid), me.monitor('other')];
    const byNode = me.monitor({ name: atom('other'), node: 'a@h' });
    other.unregister('other');
    table.spawn(undefined, { name: 'other' });
    other.exit(atom('bye'));
    const name = tuple(atom('other'), atom('a@h'));
    expect(await me.receive()).toEqual(tuple(DOWN, byPid, PROCESS, other.pid, atom('bye')));
    expect(await me.receive()).toEqual(tuple(DOWN, byName, PROCESS, name, atom('bye')));
    expect(await me.receive()).toEqual(tuple(DOWN, byNode, PROCESS, name, atom('bye')));
    expect(leftovers(table)).toEqual(NOTHING_LEFT);
  });

  test('of nobody: noproc at once', async () => {
    const gone = table.spawn(undefined);
    gone.exit();
    const refs = [me.monitor(gone.pid), me.monitor('gone')];
    const objects = [gone.pid, tuple(atom('gone'), atom('a@h'))];
    for (const [i, ref] of refs.entries()) {
      expect(await me.receive()).toEqual(tuple(DOWN, ref, PROCESS, objects[i], atom('noproc')));
    }
  });

  test('demonitor, and flush of what has come already', async () => {
    const other = table.spawn(undefined, { name: 'other' });
    const [kept, flushed] = [me.monitor(other.pid), me.monitor('other')];
    const stopped = me.monitor('other');
    me.demonitor(stopped);
    other.exit();
    me.demonitor(flushed, { flush: true });
    me.demonitor(kept);
    expect(await me.receive()).toMatchObject({ elements: [DOWN, kept, PROCESS, other.pid, atom('normal')] });
    expect(me.messageQueueLength).toBe(0);
    expect(leftovers(table)).toEqual(NOTHING_LEFT);
  });

  // Looking through the mailbox each time took minutes.
  test('demonitor with flush does not look at a full mailbox when nothing has come', () => {
    const other = table.spawn(undefined);
    for (let i = 0; i < 200_000; i++) other.send(me.pid, i);
    for (let i = 0; i < 20_000; i++) me.demonitor(me.monitor(other.pid), { flush: true });
    expect(me.messageQueueLength).toBe(200_000);
    expect(table.get(me.pid)?.relations.monitors.size).toBe(0);
  });

  test('a watcher that ends takes its monitors along', () => {
    const other = table.spawn(undefined, { name: 'other' });
    me.monitor('other');
    me.monitor(other.pid);
    me.exit();
    expect(leftovers(table)).toEqual(NOTHING_LEFT);
  });

  test('others cannot take a monitor away, answer it, or take its reference', async () => {
    const there = cluster.node('b@h');
    const far = there.spawn(undefined, { name: 'far' });
    const mallory = pid('m@h', 1, 0, 4);
    const ref = me.monitor(far.pid);
    cluster.settle();
    table.deliver({ kind: 'down', from: mallory, to: me.pid, ref, reason: atom('lie') });
    expect(me.messageQueueLength).toBe(0);
    for (const to of [far.pid, { name: 'far', node: 'b@h' }]) {
      there.deliver({ kind: 'demonitor', from: mallory, to, ref });
      there.deliver({ kind: 'monitor', from: mallory, to, ref });
    }
    expect([...far.relations.watchers.values()]).toEqual([{ from: me.pid, ref, object: far.pid }]);
    far.exit(atom('truth'));
    cluster.settle();
    expect(await me.receive()).toEqual(tuple(DOWN, ref, PROCESS, far.pid, atom('truth')));
  });

  test('a bad node name leaves nothing behind', () => {
    const picky = cluster.node('a@h');
    const spawned = picky.spawn(undefined);
    vi.spyOn(picky, 'route').mockImplementation(() => {
      throw new ArgumentError('badarg', 'bad node name');
    });
    const bad = pid('nonsense', 1, 0, 4);
    expect(() => spawned.monitor(bad, { alias: 'demonitor' })).toThrow(ArgumentError);
    expect(() => spawned.link(bad)).toThrow(ArgumentError);
    vi.restoreAllMocks();
    expect(leftovers(picky)).toEqual(NOTHING_LEFT);
  });
});

describe('aliases', () => {
  test('explicit_unalias: until it is taken back', async () => {
    const alias = me.alias();
    me.send(alias, 1);
    me.send(alias, 2);
    expect([await me.receive(), await me.receive()]).toEqual([1, 2]);
    expect(table.spawn(undefined).unalias(alias)).toBe(false);
    expect([me.unalias(alias), me.unalias(alias)]).toEqual([true, false]);
    me.send(alias, 3);
    expect(me.messageQueueLength).toBe(0);
  });

  test('reply: for one message', async () => {
    const alias = me.alias('reply');
    me.send(alias, 1);
    me.send(alias, 2);
    expect([await me.receive(), me.messageQueueLength, table.aliases.size]).toEqual([1, 0, 0]);
  });

  test('demonitor: as long as the monitor', async () => {
    const other = table.spawn(undefined);
    const [one, two] = [me.monitor(other.pid, { alias: 'demonitor' }), me.monitor(other.pid, { alias: 'demonitor' })];
    me.send(one, 'a');
    me.send(one, 'b');
    me.demonitor(one);
    other.exit();
    me.send(one, 'c');
    me.send(two, 'd');
    expect([await me.receive(), await me.receive(), me.messageQueueLength]).toEqual(['a', 'b', 1]);
    expect(leftovers(table)).toEqual(NOTHING_LEFT);
  });

  test('reply_demonitor: one message ends the monitor, too', async () => {
    const other = table.spawn(undefined);
    const ref = me.monitor(other.pid, { alias: 'reply_demonitor' });
    me.send(ref, 'answer');
    expect(leftovers(table)).toEqual(NOTHING_LEFT);
    other.exit();
    expect([await me.receive(), me.messageQueueLength]).toEqual(['answer', 0]);
  });

  test('explicit_unalias on a monitor outlives it', async () => {
    const other = table.spawn(undefined);
    const ref = me.monitor(other.pid, { alias: 'explicit_unalias' });
    me.demonitor(ref);
    me.send(ref, 'still here');
    expect(await me.receive()).toBe('still here');
    expect(me.unalias(ref)).toBe(true);
  });

  test("another's demonitor does not touch mine", () => {
    const ref = me.monitor(table.spawn(undefined).pid, { alias: 'demonitor' });
    table.spawn(undefined).demonitor(ref);
    expect(table.aliases.size).toBe(1);
  });
});
