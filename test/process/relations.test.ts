// The link table of protocol section 4.3, row by row, on the state alone; then over two nodes with signals under way.
import { describe, expect, test } from 'vitest';
import type { Process } from '../../src/process/process.js';
import { Relations } from '../../src/process/relations.js';
import { atom } from '../../src/term/atom.js';
import { pid } from '../../src/term/identifiers.js';
import { tuple } from '../../src/term/tuple.js';
import { Cluster, leftovers, NOTHING_LEFT } from './cluster.js';

const REMOTE = pid('b@h', 7, 0, 4);
const KEY = REMOTE.key;

describe('the state of one link', () => {
  test('local link: once; again after an unlink, which forgets the id', () => {
    const relations = new Relations();
    expect(relations.link(KEY, REMOTE)).toBe(true);
    expect(relations.link(KEY, REMOTE)).toBe(false);
    expect(relations.unlink(KEY)).toBe(1);
    expect(relations.link(KEY, REMOTE)).toBe(true);
    expect(relations.links.get(KEY)).toEqual({ pid: REMOTE, active: true, priority: false, unlinkId: undefined });
    relations.unlinkAcknowledged(KEY, 1);
    expect(relations.links.get(KEY)?.active).toBe(true);
  });

  test('LINK received: makes an entry, leaves one that is there as it is', () => {
    const relations = new Relations();
    relations.linked(KEY, REMOTE);
    expect(relations.links.get(KEY)?.active).toBe(true);
    relations.unlink(KEY);
    relations.linked(KEY, REMOTE);
    expect(relations.links.get(KEY)?.active).toBe(false);
  });

  test('local unlink: only if active, with a fresh id each time', () => {
    const relations = new Relations();
    expect(relations.unlink(KEY)).toBeUndefined();
    relations.link(KEY, REMOTE);
    expect(relations.unlink(KEY)).toBe(1);
    expect(relations.unlink(KEY)).toBeUndefined();
    relations.link(KEY, REMOTE);
    expect(relations.unlink(KEY)).toBe(2);
  });

  test('UNLINK_ID received: removes an active entry, leaves an inactive one', () => {
    const relations = new Relations();
    relations.unlinked(KEY);
    relations.link(KEY, REMOTE);
    relations.unlinked(KEY);
    expect(relations.links.size).toBe(0);
    relations.link(KEY, REMOTE);
    relations.unlink(KEY);
    relations.unlinked(KEY);
    expect(relations.links.size).toBe(1);
  });

  test('UNLINK_ID_ACK received: removes an inactive entry with that id only', () => {
    const relations = new Relations();
    relations.unlinkAcknowledged(KEY, 1);
    relations.link(KEY, REMOTE);
    relations.unlink(KEY);
    relations.unlinkAcknowledged(KEY, 9);
    expect(relations.links.size).toBe(1);
    relations.unlinkAcknowledged(KEY, 1n);
    expect(relations.links.size).toBe(0);
  });

  test('EXIT received: an active entry counts, an inactive one is removed, none is none', () => {
    const relations = new Relations();
    expect(relations.takeLink(KEY)).toBeUndefined();
    relations.link(KEY, REMOTE);
    expect(relations.takeLink(KEY)).toMatchObject({ pid: REMOTE, priority: false });
    expect(relations.links.size).toBe(0);
    relations.link(KEY, REMOTE);
    relations.unlink(KEY);
    expect(relations.takeLink(KEY)).toBeUndefined();
    expect(relations.links.size).toBe(0);
  });
});

describe('links between two nodes', () => {
  function pair(): { cluster: Cluster; a: Process; b: Process; settle: () => void } {
    const cluster = new Cluster();
    const a = cluster.node('a@h').spawn(undefined);
    const b = cluster.node('b@h').spawn(undefined);
    a.trapExit = true;
    b.trapExit = true;
    return { cluster, a, b, settle: () => cluster.settle() };
  }
  const linked = (one: Process, other: Process): boolean | undefined =>
    [...one.relations.links.values()].find(({ pid: it }) => it.equals(other.pid))?.active;

  test('an exit crosses, once', async () => {
    const { a, b, settle } = pair();
    a.link(b.pid);
    b.link(a.pid);
    settle();
    a.exit(tuple(atom('because'), 1));
    settle();
    expect(await b.receive()).toEqual(tuple(atom('EXIT'), a.pid, tuple(atom('because'), 1)));
    expect(b.messageQueueLength).toBe(0);
    expect(linked(b, a)).toBeUndefined();
  });

  test('an exit that is under way when the link is taken back has no effect', () => {
    const { a, b, settle } = pair();
    a.link(b.pid);
    settle();
    b.exit(atom('late'));
    a.unlink(b.pid);
    settle();
    expect(a.messageQueueLength).toBe(0);
    expect(a.relations.links.size).toBe(0);
  });

  test('unlink is acknowledged, also for the dead', () => {
    const { cluster, a, b, settle } = pair();
    a.link(b.pid);
    settle();
    a.unlink(b.pid);
    settle();
    expect(cluster.wire.map(({ kind }) => kind)).toEqual(['link', 'unlink', 'unlinkAck']);
    expect([a.relations.links.size, b.relations.links.size]).toEqual([0, 0]);
    a.link(b.pid);
    settle();
    b.exit();
    a.unlink(b.pid);
    settle();
    expect(cluster.wire.at(-1)?.kind).toBe('unlinkAck');
    expect(a.relations.links.size).toBe(0);
  });

  test('both unlink at once; one links again while the other unlinks', () => {
    const { a, b, settle } = pair();
    a.link(b.pid);
    settle();
    a.unlink(b.pid);
    b.unlink(a.pid);
    settle();
    expect([a.relations.links.size, b.relations.links.size]).toEqual([0, 0]);
    a.link(b.pid);
    settle();
    a.unlink(b.pid);
    a.link(b.pid);
    settle();
    expect([linked(a, b), linked(b, a)]).toEqual([true, true]);
    a.unlink(b.pid);
    a.link(b.pid);
    b.unlink(a.pid);
    settle();
    expect([linked(a, b), linked(b, a)]).toEqual([undefined, undefined]);
  });

  test('a link to what is not there: noproc, from the pid as it was given', async () => {
    const { a, b, settle } = pair();
    b.exit();
    a.link(b.pid);
    const otherLife = pid('b@h', 1, 0, 5);
    a.link(otherLife);
    settle();
    expect(await a.receive()).toEqual(tuple(atom('EXIT'), b.pid, atom('noproc')));
    expect(await a.receive()).toEqual(tuple(atom('EXIT'), otherLife, atom('noproc')));
    expect(a.relations.links.size).toBe(0);
  });

  test('a connection that is lost: noconnection on both sides, inactive links go silently', async () => {
    const { cluster, a, b, settle } = pair();
    a.link(b.pid);
    settle();
    cluster.cut('a@h', 'b@h');
    expect(await a.receive()).toEqual(tuple(atom('EXIT'), b.pid, atom('noconnection')));
    expect(await b.receive()).toEqual(tuple(atom('EXIT'), a.pid, atom('noconnection')));
    a.link(b.pid);
    settle();
    a.unlink(b.pid);
    cluster.cut('a@h', 'b@h');
    expect(a.messageQueueLength).toBe(0);
    expect(await b.receive()).toEqual(tuple(atom('EXIT'), a.pid, atom('noconnection')));
    expect([a, b].map(({ relations }) => relations.links.size)).toEqual([0, 0]);
  });

  test('a chain of a hundred thousand links ends without a deep stack', () => {
    const cluster = new Cluster();
    const table = cluster.node('a@h');
    const first = table.spawn(undefined);
    let last = first;
    for (let i = 0; i < 100_000; i++) last = table.spawn(undefined, { link: last });
    const ref = first.monitor(last.pid);
    expect(ref).toBeDefined();
    table.terminate(last, atom('boom'));
    expect([table.size, first.exited]).toEqual([0, true]);
    expect(leftovers(table)).toEqual(NOTHING_LEFT);
  });
});
