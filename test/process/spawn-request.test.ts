// Processes started on another node: asked for and served, in good order and out of it (protocol section 4.3, "Spawn").
import { getEventListeners } from 'node:events';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { ArgumentError } from '../../src/errors.js';
import type { Process } from '../../src/process/process.js';
import type { ProcessTable } from '../../src/process/process-table.js';
import { abandonSpawn, requestSpawn } from '../../src/process/request-spawn.js';
import { atom } from '../../src/term/atom.js';
import { type Pid, pid } from '../../src/term/identifiers.js';
import { ImproperList } from '../../src/term/list.js';
import type { Term } from '../../src/term/term.js';
import { tuple } from '../../src/term/tuple.js';
import { Cluster, leftovers, NOTHING_LEFT } from './cluster.js';

let cluster: Cluster;
let a: ProcessTable;
let b: ProcessTable;
let me: Process;

beforeEach(() => {
  cluster = new Cluster({
    find: (module, name, arity) => {
      if (module !== 'm') return undefined;
      if (name === 'wait' && arity === 0) return (self) => self.receive();
      return name === 'end' && arity === 1 ? (self, [reason]) => self.exit(reason) : undefined;
    },
  });
  a = cluster.node('a@h');
  b = cluster.node('b@h');
  me = a.spawn(undefined);
  me.trapExit = true;
});

const turn = async () => {
  await new Promise((resolve) => setImmediate(resolve));
  cluster.settle();
};
const kinds = () => cluster.wire.map(({ kind }) => kind);

test('with link and monitor: the reply precedes the exit, the exit precedes the DOWN', async () => {
  const asked = me.spawnRequest('b@h', 'm', 'end', [tuple(atom('r'), 1)], { link: true, monitor: true });
  cluster.settle();
  const { pid: child, ref } = await asked;
  expect(child.node).toBe('b@h');
  await turn();
  expect(kinds()).toEqual(['spawnRequest', 'spawnReply', 'linkExit', 'down']);
  expect(await me.receive()).toEqual(tuple(atom('EXIT'), child, tuple(atom('r'), 1)));
  expect(await me.receive()).toEqual(tuple(atom('DOWN'), ref, atom('process'), child, tuple(atom('r'), 1)));
  expect([leftovers(a), leftovers(b)]).toEqual([NOTHING_LEFT, NOTHING_LEFT]);
});

test('the new process has our group leader, and knows us as its parent if linked', async () => {
  me.groupLeader = pid('e@h', 9, 0, 3);
  const asked = me.spawnRequest(atom('b@h'), 'm', 'wait', [], { link: true });
  cluster.settle();
  const child = b.get((await asked).pid);
  expect([child?.groupLeader, child?.parent]).toEqual([me.groupLeader, me.pid]);
  const alone = me.spawnRequest('b@h', 'm', 'wait', []);
  cluster.settle();
  expect(b.get((await alone).pid)?.parent).toBeUndefined();
});

test('a node asks itself', async () => {
  const { pid: child, ref } = await me.spawnRequest('a@h', 'm', 'end', [7], { monitor: true });
  expect(await me.receive()).toEqual(tuple(atom('DOWN'), ref, atom('process'), child, 7));
});

test('what is not exposed, and arguments that are no list: the process is there and ends', async () => {
  const { pid: none, ref } = await me.spawnRequest('a@h', 'os', 'cmd', ['id'], { monitor: true });
  const undef = tuple(atom('undef'), [tuple(atom('os'), atom('cmd'), ['id'], [])]);
  expect(await me.receive()).toEqual(tuple(atom('DOWN'), ref, atom('process'), none, undef));
  await expect(me.spawnRequest('a@h', 'm', 'end', 5 as never)).rejects.toMatchObject({ code: 'badarg' });
  // Peers may ask for it.
  const improper = { node: 'a@h', module: 'm', function: 'end', args: 5 as never };
  const child = await new Promise((resolve, onFailed) => {
    requestSpawn(me, a, improper, { monitor: true }, { onSpawned: resolve, onFailed });
  });
  const [, , , ended, reason] = (await me.receive()) as Iterable<Term>;
  expect([ended, reason]).toEqual([child, tuple(atom('badarg'), [])]);
  expect(cluster.crashes).toEqual([]);
});

describe('options as a peer sends them', () => {
  function answer(options: Term): Pid | string {
    const ref = b.makeReference();
    me.send({ name: 'nobody', node: 'b@h' }, 'connects');
    a.deliver({
      kind: 'spawnRequest',
      ref,
      from: pid('b@h', 1, 0, b.creation),
      groupLeader: me.pid,
      node: 'a@h',
      module: 'm',
      function: 'wait',
      args: [],
      options,
    });
    cluster.settle();
    const replies = cluster.wire.filter((signal) => signal.kind === 'spawnReply');
    expect(replies).toHaveLength(1);
    return replies[0]?.result ?? 'none';
  }

  test.each([
    [[]],
    [[atom('link'), tuple(atom('monitor'), [])]],
    [[atom('monitor'), tuple(atom('priority'), atom('high')), tuple(atom('whatever'), 1)]],
  ])('%j', (options) => {
    expect(answer(options)).toMatchObject({ node: 'a@h' });
  });

  test.each([
    [atom('link')],
    [[atom('nonsense')]],
    [[tuple(atom('reply'), atom('yes'))]],
    [[tuple(atom('reply_tag'), 1)]],
    [new ImproperList([atom('link')], 1)],
    [[5]],
    [[tuple(5)]],
    [[tuple()]],
  ])('%j is badopt', (options) => {
    expect(answer(options)).toBe('badopt');
    expect(a.size).toBe(1);
  });
});

describe('failures', () => {
  test("the other node's word", async () => {
    const asked = me.spawnRequest('b@h', 'm', 'wait', []);
    for (const { ref } of a.spawning.values()) {
      a.deliver({
        kind: 'spawnReply',
        ref,
        to: me.pid,
        node: 'b@h',
        result: 'system_limit',
        link: false,
        monitor: false,
      });
    }
    await expect(asked).rejects.toMatchObject({ code: 'exit', reason: atom('system_limit') });
    expect(leftovers(a)).toEqual(NOTHING_LEFT);
  });

  test('noconnection', async () => {
    const asked = me.spawnRequest('nobody@h', 'm', 'wait', [], { link: true });
    cluster.settle();
    await expect(asked).rejects.toMatchObject({ code: 'noconnection' });
    expect(leftovers(a)).toEqual(NOTHING_LEFT);
  });

  test('timeout and abort: a process that comes late is let go, or ends if it was linked', async () => {
    const stop = new AbortController();
    const late = me.spawnRequest('b@h', 'm', 'wait', [], { link: true, monitor: true, timeout: 1 });
    const aborted = me.spawnRequest('b@h', 'm', 'wait', [], { monitor: true, signal: stop.signal });
    stop.abort();
    await expect(late).rejects.toMatchObject({ code: 'timeout' });
    await expect(aborted).rejects.toMatchObject({ code: 'aborted' });
    cluster.settle();
    const [left] = [...b.all()];
    expect([b.size, left?.exited, me.messageQueueLength]).toEqual([1, false, 0]);
    expect(kinds().filter((kind) => kind === 'linkExit' || kind === 'demonitor')).toHaveLength(3);
    expect([leftovers(a), leftovers(b)]).toEqual([NOTHING_LEFT, NOTHING_LEFT]);
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
    await expect(me.spawnRequest('b@h', 'm', 'wait', [], { signal: stop.signal })).rejects.toThrow('aborted');
    await expect(me.spawnRequest('b@h', 'm', 'wait', [], { timeout: -1 })).rejects.toThrow(ArgumentError);
  });

  test('a parent that ended before the reply: the child gets its exit, no monitor stays', async () => {
    const asked = me.spawnRequest('b@h', 'm', 'wait', [], { link: true, monitor: true });
    me.exit(atom('gone'));
    await expect(asked).rejects.toMatchObject({ reason: atom('gone') });
    cluster.step('a@h', 'b@h');
    expect(b.size).toBe(1);
    const [child] = [...b.all()];
    cluster.settle();
    expect([b.size, child?.exitError().reason]).toEqual([0, atom('gone')]);
    expect([leftovers(a), leftovers(b)]).toEqual([NOTHING_LEFT, NOTHING_LEFT]);
    await expect(me.spawnRequest('b@h', 'm', 'wait', [])).rejects.toMatchObject({ reason: atom('gone') });
  });

  test('a request that cannot be sent leaves nothing behind', async () => {
    vi.spyOn(a, 'route').mockImplementation(() => {
      throw new ArgumentError('not_encodable', 'a function');
    });
    await expect(me.spawnRequest('b@h', 'm', 'wait', [])).rejects.toThrow('a function');
    vi.restoreAllMocks();
    expect(leftovers(a)).toEqual(NOTHING_LEFT);
  });

  test('a reply that nobody waits for, or to somebody else, is ignored', () => {
    const ref = a.makeReference();
    a.deliver({ kind: 'spawnReply', ref, to: me.pid, node: 'b@h', result: 'x', link: true, monitor: true });
    void me.spawnRequest('b@h', 'm', 'wait', []);
    const other = a.spawn(undefined);
    const [waiting] = [...a.spawning.values()];
    const real = waiting?.ref ?? ref;
    const reply = { kind: 'spawnReply', ref: real, node: 'b@h', link: false, monitor: false } as const;
    a.deliver({ ...reply, to: other.pid, result: 'x' });
    expect(a.spawning.size).toBe(1);
  });

  test('only the node that was asked can answer', async () => {
    const asked = me.spawnRequest('b@h', 'm', 'wait', [], { link: true, monitor: true });
    const [waiting] = [...a.spawning.values()];
    const ref = waiting?.ref ?? a.makeReference();
    const theirs = pid('c@h', 1, 0, 4);
    for (const result of [theirs, 'badopt'])
      a.deliver({ kind: 'spawnReply', ref, to: me.pid, node: 'c@h', result, link: true, monitor: true });
    expect(leftovers(a)).toMatchObject({ spawning: 1, links: 0, monitors: 0 });
    cluster.settle();
    expect((await asked).pid.node).toBe('b@h');
  });
});

test('abandoned after the process was there: the monitor is taken back', () => {
  const down = vi.fn();
  const what = { node: 'b@h', module: 'm', function: 'wait', args: [] };
  const ref = requestSpawn(me, a, what, { monitor: true }, { onFailed: down, onDown: down });
  cluster.settle();
  expect(leftovers(a)).toMatchObject({ monitors: 1 });
  abandonSpawn(me, a, ref);
  abandonSpawn(me, a, ref);
  cluster.settle();
  expect([leftovers(a), leftovers(b), down.mock.calls]).toEqual([NOTHING_LEFT, NOTHING_LEFT, []]);
});
