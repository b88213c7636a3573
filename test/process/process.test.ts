// The life of a process: spawning, ending, exit signals, names, timers; what a program sees of each.
import { getEventListeners } from 'node:events';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { ArgumentError, ExitError } from '../../src/errors.js';
import type { Process } from '../../src/process/process.js';
import type { ProcessTable } from '../../src/process/process-table.js';
import { atom } from '../../src/term/atom.js';
import { Pid, pid } from '../../src/term/identifiers.js';
import type { Term } from '../../src/term/term.js';
import { tuple } from '../../src/term/tuple.js';
import { Cluster, leftovers, NOTHING_LEFT } from './cluster.js';

const EXIT = atom('EXIT');
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

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** The exit reason of a process that runs `run`. */
async function reasonFor(run: (self: Process) => unknown): Promise<Term> {
  const { ref } = me.spawnMonitor(run);
  const [down, its, , , reason] = (await me.receive()) as Iterable<Term>;
  expect([down, its]).toEqual([DOWN, ref]);
  return reason;
}

describe('a function', () => {
  test('runs after the current turn, as a process that is there at once', async () => {
    const order: string[] = [];
    const child = table.spawn(() => order.push('run'), { name: 'child' });
    order.push('spawned');
    expect([table.names.whereis('child'), child.exited]).toEqual([child, false]);
    await turn();
    expect([order, child.exited, table.names.whereis('child')]).toEqual([['spawned', 'run'], true, undefined]);
  });

  test('its return is normal, its throw the reason', async () => {
    expect(await reasonFor(() => 'any value')).toBe(atom('normal'));
    expect(await reasonFor((self) => self.exit(tuple(atom('mine'), 1)))).toEqual(tuple(atom('mine'), 1));
    expect(await reasonFor((self) => self.exit())).toBe(atom('normal'));
    expect(await reasonFor((self) => self.exit(undefined))).toBeUndefined();
    expect(await reasonFor(() => Promise.reject(new ExitError('exit', 'm', 7)))).toBe(7);
    expect(cluster.crashes).toEqual([]);
  });

  test('an error is a crash: reported, with a reason in the shape of OTP', async () => {
    const error = new TypeError('bad thing');
    const reason = await reasonFor(() => {
      throw error;
    });
    expect(reason).toMatchObject({ elements: [tuple(atom('js_error'), 'TypeError', 'bad thing'), expect.any(Array)] });
    expect(cluster.crashes).toEqual([error]);
  });

  test('self.exit() goes no further', async () => {
    const reached: string[] = [];
    table.spawn((self) => {
      self.exit(atom('enough'));
      reached.push('after exit');
    });
    table.spawn((self) => {
      self.exit(self.pid, atom('kill'));
      reached.push('after exit/2');
    });
    table.spawn((self) => {
      self.link(pid('a@h', 999, 0, table.creation));
      reached.push('after a link to nobody');
    });
    await turn();
    expect([reached, table.size]).toEqual([[], 1]);
  });

  test('killed before it began, it never runs', async () => {
    let ran = false;
    const child = table.spawn(() => {
      ran = true;
    });
    me.exit(child.pid, atom('kill'));
    await turn();
    expect([ran, child.exited]).toEqual([false, true]);
  });

  test('a zombie can do nothing, and nobody hears of it', async () => {
    const seen: string[] = [];
    const child = table.spawn(async (self) => {
      await self.receive().catch((error: ExitError) => seen.push(error.code));
      for (const attempt of [
        () => self.send(me.pid, 1),
        () => self.cast(me.pid, 1),
        () => self.link(me.pid),
        () => self.monitor(me.pid),
        () => self.alias(),
        () => self.register('zombie'),
        () => self.spawn(() => {}),
        () => self.sendAfter(1, me.pid, 1),
        () => self.exit(),
        () => self.exit(me.pid, 1),
      ]) {
        expect(attempt).toThrow(ExitError);
      }
      await self.call(me.pid, 1).catch((error: ExitError) => seen.push(error.code));
      seen.push('end');
      throw new Error('nobody hears this');
    });
    await turn();
    expect(child.signal.aborted).toBe(false);
    me.exit(child.pid, atom('kill'));
    expect(child.signal.aborted).toBe(true);
    await expect.poll(() => seen).toEqual(['killed', 'killed', 'end']);
    expect([cluster.crashes, me.messageQueueLength]).toEqual([[], 0]);
  });

  test('self.signal ends what else it waits for', async () => {
    const child = table.spawn(
      (self) => new Promise((_, reject) => self.signal.addEventListener('abort', () => reject(self.signal.reason))),
    );
    await turn();
    me.exit(child.pid, atom('stop'));
    expect(child.signal.reason).toMatchObject({ reason: atom('stop') });
    expect(table.spawn(undefined).signal.aborted).toBe(false);
  });

  test('errors that cannot be read, and thrown values that are no terms', async () => {
    const hostile = new Proxy(new Error('x'), {
      get() {
        throw new RangeError('no');
      },
    });
    expect(await reasonFor(() => Promise.reject(hostile))).toMatchObject({ elements: [expect.anything(), []] });
    const thrown = (value: unknown) => () => Promise.reject(value);
    const nocatch = (value: Term) => tuple(tuple(atom('nocatch'), value), []);
    expect(await reasonFor(thrown(5))).toEqual(nocatch(5));
    expect(await reasonFor(thrown(Symbol('s')))).toEqual(nocatch('Symbol(s)'));
    expect(await reasonFor(thrown(Number.NaN))).toEqual(nocatch('NaN'));
    expect(await reasonFor(thrown(Object.assign(new Error('x'), { message: 7 })))).toMatchObject({
      elements: [tuple(atom('js_error'), 'Error', '7'), expect.anything()],
    });
    expect(await reasonFor(thrown(new Error('\ud800')))).toMatchObject({
      elements: [tuple(atom('js_error'), 'Error', '\ufffd'), expect.anything()],
    });
  });

  test('a crash report that fails keeps nobody from hearing', async () => {
    const broken = new Cluster();
    const there = broken.node('a@h');
    Object.defineProperty(broken, 'crashes', {
      get() {
        throw new Error('the log is full');
      },
    });
    const watcher = there.spawn(undefined);
    watcher.spawnMonitor(() => Promise.reject(new Error('crash')));
    expect(await watcher.receive()).toMatchObject({
      elements: [DOWN, expect.anything(), PROCESS, expect.anything(), expect.anything()],
    });
  });
});

test.each([Number.NaN, Symbol('s'), { a: () => 1 }])(
  'a reason that is no term, %o: everyone is told',
  async (reason) => {
    const other = table.spawn(undefined);
    other.trapExit = true;
    other.link(me.pid);
    const ref = other.monitor(me.pid);
    const caller = table.spawn(undefined);
    const waits = [me.receive(() => false), me.call(other.pid, 1), caller.call(me.pid, 1)];
    me.exit(reason as Term);
    for (const wait of waits) await expect(wait).rejects.toMatchObject({ code: 'exit', reason });
    expect(await other.receive((message) => Array.from(message as Iterable<Term>)[0] === EXIT)).toEqual(
      tuple(EXIT, me.pid, reason as Term),
    );
    expect(await other.receive((message) => Array.from(message as Iterable<Term>)[0] === DOWN)).toEqual(
      tuple(DOWN, ref, PROCESS, me.pid, reason as Term),
    );
    expect(leftovers(table)).toEqual(NOTHING_LEFT);
  },
);

test('a reason that cannot be sent: everyone is told, of another one', () => {
  const [one, other] = [table.spawn(undefined), table.spawn(undefined)];
  for (const near of [one, other]) near.link(me.pid);
  const route = table.route.bind(table);
  const spy = vi.spyOn(table, 'route').mockImplementation((signal) => {
    if ('reason' in signal && signal.reason === 'unspeakable') throw new ArgumentError('not_encodable', 'no');
    if ('reason' in signal && signal.to === one.pid) throw new RangeError('a bug');
    route(signal);
  });
  me.exit('unspeakable');
  spy.mockRestore();
  expect([other.exitError().reason, one.exited, cluster.lost]).toEqual([
    atom('not_encodable'),
    false,
    [expect.any(RangeError)],
  ]);
});

describe('spawn', () => {
  test('relations are there before the function runs', async () => {
    me.trapExit = true;
    const pid = me.spawn(() => {}, { link: true, name: 'c' });
    expect(table.names.whereis('c')?.pid).toBe(pid);
    expect(await me.receive()).toEqual(tuple(EXIT, pid, atom('normal')));
    const other = table.spawn(() => {}, { link: me, monitor: me });
    expect(await me.receive()).toEqual(tuple(EXIT, other.pid, atom('normal')));
    expect(await me.receive()).toMatchObject({
      elements: [DOWN, expect.anything(), PROCESS, other.pid, atom('normal')],
    });
  });

  test('inherits the group leader, and knows its parent when linked', () => {
    const leader = pid('e@h', 9, 0, 3);
    me.groupLeader = leader;
    const linked = table.get(me.spawn(() => {}, { link: true }));
    const alone = table.get(me.spawn(() => {}));
    expect([linked?.groupLeader, linked?.parent, alone?.groupLeader, alone?.parent]).toEqual([
      leader,
      me.pid,
      leader,
      undefined,
    ]);
    expect(table.spawn(undefined, { monitor: me }).groupLeader).toBe(leader);
    const orphan = table.spawn(undefined);
    expect(orphan.groupLeader).toBe(orphan.pid);
  });

  test('that fails leaves nothing behind', () => {
    table.names.register('taken', me);
    expect(() => table.spawn(() => {}, { name: 'taken' })).toThrow(ArgumentError);
    const dead = table.spawn(undefined);
    dead.exit();
    expect(() => table.spawn(() => {}, { link: dead, name: 'never' })).toThrow(ExitError);
    expect(() => table.spawn(() => {}, { monitor: dead, name: 'never' })).toThrow(ExitError);
    expect([table.size, table.names.registered()]).toEqual([1, ['taken']]);
  });
});

describe('exit signals', () => {
  /** Sends exit(to, reason) from me to a fresh process; what became of it. */
  function sent(reason: Term, trapExit: boolean): { ended: Term; message: Promise<Term> | undefined } {
    const target = table.spawn(undefined);
    target.trapExit = trapExit;
    me.exit(target.pid, reason);
    if (target.exited) return { ended: target.exitError().reason, message: undefined };
    return { ended: 'alive', message: target.messageQueueLength === 0 ? undefined : target.receive() };
  }

  test('exit/2: kill kills, normal is ignored, trapping makes messages', async () => {
    expect(sent(atom('kill'), false).ended).toBe(atom('killed'));
    expect(sent(atom('kill'), true).ended).toBe(atom('killed'));
    expect(sent(atom('normal'), false)).toEqual({ ended: 'alive', message: undefined });
    expect(await sent(atom('normal'), true).message).toEqual(tuple(EXIT, me.pid, atom('normal')));
    expect(sent(atom('boom'), false).ended).toBe(atom('boom'));
    expect(await sent(tuple(1), true).message).toEqual(tuple(EXIT, me.pid, tuple(1)));
  });

  test('exit/2 to oneself: normal counts', async () => {
    const trapping = table.spawn(undefined);
    trapping.trapExit = true;
    trapping.exit(trapping.pid, atom('normal'));
    expect(await trapping.receive()).toEqual(tuple(EXIT, trapping.pid, atom('normal')));
    me.exit(me.pid, atom('normal'));
    expect(me.exited).toBe(true);
  });

  test('link exits: kill is a reason like any other, normal does not kill and unlinks', async () => {
    const linkedTo = (trapExit: boolean): [Process, Process] => {
      const [one, other] = [table.spawn(undefined), table.spawn(undefined)];
      one.trapExit = trapExit;
      one.link(other.pid);
      return [one, other];
    };
    const [killed, killer] = linkedTo(false);
    killer.exit(atom('kill'));
    expect(killed.exitError().reason).toBe(atom('kill'));
    const [trapping, killer2] = linkedTo(true);
    killer2.exit(atom('kill'));
    expect(await trapping.receive()).toEqual(tuple(EXIT, killer2.pid, atom('kill')));
    const [calm, ender] = linkedTo(false);
    ender.exit();
    expect([calm.exited, calm.relations.links.size]).toEqual([false, 0]);
    const [victim, murdered] = linkedTo(true);
    me.exit(murdered.pid, atom('kill'));
    expect(await victim.receive()).toEqual(tuple(EXIT, murdered.pid, atom('killed')));
  });

  test('signals to the dead, and from those who are not linked, do nothing', () => {
    const gone = table.spawn(undefined);
    gone.exit();
    me.exit(gone.pid, atom('kill'));
    me.trapExit = true;
    table.deliver({ kind: 'linkExit', from: gone.pid, to: me.pid, reason: atom('boom') });
    table.deliver({ kind: 'groupLeader', from: me.pid, to: gone.pid });
    expect(me.messageQueueLength).toBe(0);
    me.exit(pid('a@h', 1, 0, table.creation + 1), atom('kill'));
    expect(me.exited).toBe(false);
  });

  test('a process of the node itself is out of reach', () => {
    const system = table.spawn(undefined, { system: true });
    const linked = table.spawn(undefined);
    linked.link(system.pid);
    linked.exit(atom('boom'));
    me.exit(system.pid, atom('kill'));
    me.exit(system.pid, atom('boom'));
    expect([system.exited, system.messageQueueLength, system.relations.links.size]).toEqual([false, 0, 0]);
    const watcher = table.spawn(undefined);
    watcher.link(system.pid);
    table.stop(atom('shutdown'));
    expect([system.exited, watcher.exitError().reason]).toEqual([true, atom('shutdown')]);
  });

  test('the link fires before the monitor; names are free and aliases gone before either', async () => {
    me.trapExit = true;
    const other = table.spawn(undefined, { name: 'other', link: me });
    const alias = other.alias();
    const ref = me.monitor(other.pid);
    other.exit(atom('bye'));
    me.send(alias, 'nobody');
    expect(table.names.whereis('other')).toBeUndefined();
    expect(await me.receive()).toEqual(tuple(EXIT, other.pid, atom('bye')));
    expect(await me.receive()).toEqual(tuple(DOWN, ref, PROCESS, other.pid, atom('bye')));
  });

  test('the group leader can be set from outside', () => {
    const leader = pid('e@h', 9, 0, 3);
    const other = table.spawn(undefined);
    me.setGroupLeader(leader, other.pid);
    expect(other.groupLeader).toBe(leader);
  });
});

describe('sending', () => {
  test('to a pid, a name, a name on a node, an alias', async () => {
    me.register(atom('here'));
    for (const to of [me.pid, 'here', atom('here'), { name: 'here', node: 'a@h' }, me.alias()]) {
      me.send(to, [1]);
      expect(await me.receive({ timeout: 0 })).toEqual([1]);
    }
  });

  test('to nobody: badarg for a local name, silence for everything else', () => {
    expect(() => me.send('nobody', 1)).toThrow(/no process is registered as "nobody"/);
    expect(() => me.send(atom('nobody'), 1)).toThrow(ArgumentError);
    me.send({ name: 'nobody', node: 'a@h' }, 1);
    me.send(pid('a@h', 99, 0, table.creation), 1);
    me.send(new Pid(me.pid.nodeAtom, me.pid.id, me.pid.serial, table.creation - 1), 1);
    me.cast('nobody', 1);
    expect(me.messageQueueLength).toBe(0);
  });

  test.each([[undefined], [null], [5], [{}], [{ name: 'x' }], [{ name: null, node: 'a@h' }], [['here']]])(
    'to %j is refused',
    async (to) => {
      expect(() => me.send(to as never, 1)).toThrow(ArgumentError);
      expect(() => me.monitor(to as never)).toThrow(ArgumentError);
      await expect(me.call(to as never, 1)).rejects.toThrow(ArgumentError);
    },
  );
});

describe('names', () => {
  test('one holder, many names, free at the end', () => {
    me.register('one');
    me.register('two');
    const other = table.spawn(undefined);
    expect(() => other.register('one')).toThrow(expect.objectContaining({ code: 'already_registered' }));
    other.unregister('one');
    other.register('one');
    me.exit();
    expect(table.names.registered()).toEqual(['one']);
    expect(() => other.unregister('two')).toThrow(ArgumentError);
    other.exit();
    expect(table.names.registered()).toEqual([]);
  });

  test.each(['undefined', 'true', 'nil', '', 'x'.repeat(256), '\ud800'])('%j is refused', (name) => {
    expect(() => me.register(name)).toThrow(expect.objectContaining({ code: 'badarg' }));
  });

  test('the dead cannot be registered', () => {
    const dead = table.spawn(undefined);
    dead.exit();
    expect(() => table.names.register('dead', dead)).toThrow(ArgumentError);
  });
});

test('the end of the node ends every wait, and no rejection goes unhandled', async () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => unhandled.push(reason);
  process.on('unhandledRejection', note);
  try {
    const far = cluster.node('b@h').spawn(undefined);
    void me.receive();
    void me.receive(() => true, { timeout: 100_000 });
    void me.call(far.pid, 1);
    void me.call('nobody', 1);
    void me.call(me.pid, 1);
    void me.spawnRequest('b@h', 'm', 'f', []);
    table.spawn((self) => {
      void self.receive();
      void self.call(far.pid, 2);
    });
    table.spawn(async (self) => {
      for await (const _message of self) void _message;
    });
    await turn();
    const { signal } = me;
    table.stop(atom('shutdown'));
    expect(signal.aborted).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect([unhandled, table.size, cluster.crashes]).toEqual([[], 0, []]);
    expect(leftovers(table)).toEqual({ ...NOTHING_LEFT, spawning: 1 });
    cluster.settle();
    expect(leftovers(table)).toEqual(NOTHING_LEFT);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  } finally {
    process.off('unhandledRejection', note);
  }
});
