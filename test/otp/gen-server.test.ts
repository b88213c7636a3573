// Generic servers as their callers see them: calls, casts, stops, crashes, and what sys asks.
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { type From, readGenMessage, reply } from '../../src/otp/gen.js';
import { type GenServer, genServer, NO_REPLY, stop } from '../../src/otp/gen-server.js';
import type { Process } from '../../src/process/process.js';
import type { ProcessTable } from '../../src/process/process-table.js';
import { atom } from '../../src/term/atom.js';
import { type Pid, pid, reference } from '../../src/term/identifiers.js';
import { charlist, ImproperList } from '../../src/term/list.js';
import type { Term } from '../../src/term/term.js';
import { tuple } from '../../src/term/tuple.js';
import { Cluster } from '../process/cluster.js';

let cluster: Cluster;
let table: ProcessTable;
let me: Process;

beforeEach(() => {
  cluster = new Cluster();
  table = cluster.node('a@h');
  me = table.spawn(undefined);
  me.trapExit = true;
});

const start = (server: GenServer): Process => table.spawn(genServer(server));

/** OTP: sys:send_system_msg/2. */
async function sys(to: Pid, request: Term): Promise<Term> {
  const tag = me.monitor(to, { alias: 'reply_demonitor' });
  me.send(to, tuple(atom('system'), tuple(me.pid, new ImproperList([atom('alias')], tag)), request));
  const [, answer] = (await me.receive({ timeout: 1000 })) as Iterable<Term>;
  return answer;
}

async function endOf(server: Process): Promise<Term> {
  const ref = me.monitor(server.pid);
  const [, its, , , reason] = (await me.receive({ timeout: 1000 })) as Iterable<Term>;
  expect(its).toBe(ref);
  return reason;
}

describe('messages of OTP', () => {
  const ref = reference('b@h', 4, [1, 2, 3]);
  const caller = pid('b@h', 1, 0, 4);

  test.each<[Term, ReturnType<typeof readGenMessage>]>([
    [tuple(atom('$gen_call'), tuple(caller, ref), 1), { kind: 'call', from: { pid: caller, tag: ref }, request: 1 }],
    [tuple(atom('system'), tuple(caller, ref), 1), { kind: 'system', from: { pid: caller, tag: ref }, request: 1 }],
    [tuple(atom('$gen_cast'), 1), { kind: 'cast', request: 1 }],
  ])('%#', (message, expected) => expect(readGenMessage(message)).toEqual(expected));

  test.each<[Term]>([
    [5],
    [tuple()],
    [tuple(atom('$gen_call'))],
    [tuple(atom('$gen_call'), caller, 1)],
    [tuple(atom('$gen_call'), tuple(caller), 1)],
    [tuple(atom('$gen_call'), tuple(ref, caller), 1)],
    [tuple(atom('$gen_call'), tuple(caller, ref), 1, 2)],
    [tuple(atom('$gen_cast'), 1, 2)],
    [[atom('$gen_cast'), 1]],
  ])('%j is none', (message) => expect(readGenMessage(message)).toEqual({ kind: 'info', message }));

  test('the reply goes to the alias in the tag, else to the pid', async () => {
    const alias = me.alias();
    const improper = new ImproperList([atom('alias')], alias);
    const tags: Term[] = [
      improper,
      new ImproperList([improper], me.monitor(me.pid)),
      me.alias(),
      tuple(ref, atom('b@h')),
      new ImproperList([atom('alias')], 1),
      new ImproperList([1], alias),
      new ImproperList([atom('alias'), 1], alias),
    ];
    const other = table.spawn(undefined);
    for (const [i, tag] of tags.entries()) {
      reply(other, { pid: other.pid, tag }, i);
      const to = i < 2 ? me : other;
      expect(await to.receive({ timeout: 0 })).toEqual(tuple(tag, i));
    }
  });

  test('an alias deeper than anybody nests it', () => {
    let tag: Term = 1;
    for (let i = 0; i < 200_000; i++) tag = new ImproperList([tag], 1);
    reply(me, { pid: me.pid, tag }, 1);
    expect(me.messageQueueLength).toBe(1);
  });
});

describe('requests', () => {
  test('one after the other, also when they take long', async () => {
    let running = 0;
    const server = start({
      async handleCall(request) {
        expect(++running).toBe(1);
        await new Promise((resolve) => setTimeout(resolve, 1));
        running--;
        return [request];
      },
    });
    expect(await Promise.all([1, 2, 3].map((i) => me.call(server.pid, i)))).toEqual([[1], [2], [3]]);
  });

  test('an answer that comes later', async () => {
    const waiting: From[] = [];
    const server = start({
      handleCall(request, from) {
        waiting.push(from);
        return request === 'later' ? NO_REPLY : undefined;
      },
      handleCast: (request, self) => reply(self, waiting[0] as From, request),
    });
    const later = me.call(server.pid, 'later');
    expect(await me.call(server.pid, 'now')).toBeUndefined();
    me.cast(server.pid, 'then');
    expect(await later).toBe('then');
  });

  test('init, cast and info', async () => {
    const seen: Term[] = [];
    const server = start({
      init: (self) => self.register('served'),
      handleCast: (request) => seen.push(tuple(atom('cast'), request)),
      handleInfo: (message) => seen.push(message),
    });
    await new Promise(setImmediate);
    me.cast('served', 1);
    me.send('served', tuple(atom('$gen_call'), 'odd'));
    await new Promise(setImmediate);
    expect([seen, server.exited]).toEqual([[tuple(atom('cast'), 1), tuple(atom('$gen_call'), 'odd')], false]);
  });

  test('what no callback takes', async () => {
    await expect(me.call(start({}).pid, 1)).rejects.toMatchObject({ reason: tuple(atom('bad_call'), 1) });
    const server = start({});
    me.send(server.pid, 'dropped');
    me.cast(server.pid, 2);
    expect(await endOf(server)).toEqual(tuple(atom('bad_cast'), 2));
  });
});

describe('ends', () => {
  test('a callback that throws: terminate hears the reason, the caller too', async () => {
    const terminate = vi.fn();
    const server = start({
      handleCall: () => Promise.reject(new RangeError('no')),
      terminate,
    });
    const reason = { elements: [tuple(atom('js_error'), 'RangeError', 'no'), expect.anything()] };
    await expect(me.call(server.pid, 1)).rejects.toMatchObject({ code: 'exit', reason });
    expect(terminate.mock.calls).toEqual([[expect.objectContaining(reason), server]]);
    expect(cluster.crashes).toHaveLength(1);
  });

  test('throw stop()', async () => {
    const server = start({
      handleCall(request, from, self) {
        reply(self, from, 'bye');
        throw stop(request);
      },
    });
    expect(await me.call(server.pid, tuple(atom('shutdown'), 1))).toBe('bye');
    expect(await endOf(server)).toEqual(tuple(atom('shutdown'), 1));
    expect(stop()).toMatchObject({ code: 'normal', reason: atom('normal') });
    expect(cluster.crashes).toEqual([]);
  });

  test('init that throws', async () => {
    const terminate = vi.fn();
    const server = start({ init: () => Promise.reject(stop('no start')), terminate });
    expect(await endOf(server)).toBe('no start');
    expect(terminate).toHaveBeenCalledTimes(1);
  });

  test('terminate that throws gives its own reason', async () => {
    const server = start({
      handleCast() {
        throw stop('first');
      },
      terminate() {
        throw stop('second');
      },
    });
    me.cast(server.pid, 1);
    expect(await endOf(server)).toBe('second');
  });

  test('killed, or ended by its own exit: terminate does not run', async () => {
    const terminate = vi.fn();
    const killed = start({ terminate });
    await new Promise(setImmediate);
    me.exit(killed.pid, atom('kill'));
    const own = start({ handleCast: (_request, self) => self.exit('own'), terminate });
    me.cast(own.pid, 1);
    expect(await endOf(own)).toBe('own');
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(terminate).not.toHaveBeenCalled();
  });

  test('a server that traps exits hears of others, and ends with its parent', async () => {
    const terminate = vi.fn();
    const seen: Term[] = [];
    const server = table.spawn(
      genServer({
        init(self) {
          self.trapExit = true;
        },
        handleInfo: (message) => seen.push(message),
        terminate,
      }),
      { link: me },
    );
    await new Promise(setImmediate);
    const other = table.spawn(undefined);
    other.link(server.pid);
    other.exit('gone');
    await new Promise(setImmediate);
    expect(seen).toEqual([tuple(atom('EXIT'), other.pid, 'gone')]);
    me.exit('parent');
    await new Promise(setImmediate);
    expect(terminate.mock.calls).toEqual([['parent', server]]);
    expect(server.exitError().reason).toBe('parent');
  });
});

describe('sys', () => {
  test('get_state, get_status', async () => {
    const server = start({ state: () => [1, 2] });
    expect(await sys(server.pid, atom('get_state'))).toEqual(tuple(atom('ok'), [1, 2]));
    const misc = [tuple(atom('data'), [tuple(charlist('State'), [1, 2])])];
    const told = [[], atom('running'), server.pid, [], misc];
    expect(await sys(server.pid, atom('get_status'))).toEqual(
      tuple(atom('status'), server.pid, tuple(atom('module'), atom('gen_server')), told),
    );
    expect(await sys(start({}).pid, atom('get_state'))).toEqual(tuple(atom('ok'), undefined));
  });

  test('a state that cannot be shown', async () => {
    const server = start({
      state() {
        throw new RangeError('no');
      },
    });
    const failed = (await sys(server.pid, atom('get_state'))) as Iterable<Term>;
    expect([...failed]).toEqual([
      atom('error'),
      expect.objectContaining({ elements: [atom('callback_failed'), expect.anything(), expect.anything()] }),
    ]);
    expect(server.exited).toBe(false);
  });

  test('suspend: only sys is served until resume', async () => {
    const server = start({ handleCall: (request) => request, state: () => 's' });
    expect(await sys(server.pid, atom('suspend'))).toBe(atom('ok'));
    const answer = me.call(server.pid, 'waited');
    let answered = false;
    void answer.then(() => {
      answered = true;
    });
    expect(await sys(server.pid, atom('suspend'))).toBe(atom('ok'));
    expect(await sys(server.pid, atom('get_state'))).toEqual(tuple(atom('ok'), 's'));
    expect((await sys(server.pid, atom('get_status'))) as object).toMatchObject({
      elements: [
        atom('status'),
        server.pid,
        expect.anything(),
        [[], atom('suspended'), server.pid, [], expect.anything()],
      ],
    });
    expect(answered).toBe(false);
    expect(await sys(server.pid, atom('resume'))).toBe(atom('ok'));
    expect(await answer).toBe('waited');
    expect(await sys(server.pid, atom('resume'))).toBe(atom('ok'));
  });

  test('terminate, running and suspended: once, with the reason', async () => {
    for (const suspend of [false, true]) {
      const terminate = vi.fn(() => Promise.resolve());
      const server = start({ terminate });
      if (suspend) await sys(server.pid, atom('suspend'));
      expect(await sys(server.pid, tuple(atom('terminate'), atom('shutdown')))).toBe(atom('ok'));
      await new Promise(setImmediate);
      expect([terminate.mock.calls, server.exitError().reason]).toEqual([
        [[atom('shutdown'), server]],
        atom('shutdown'),
      ]);
    }
  });

  test('suspended, it still ends with its parent', async () => {
    const server = table.spawn(
      genServer({
        init(self) {
          self.trapExit = true;
        },
      }),
      { link: me },
    );
    await sys(server.pid, atom('suspend'));
    me.exit('parent');
    await new Promise(setImmediate);
    expect(server.exitError().reason).toBe('parent');
  });

  test('debug, and what it does not know', async () => {
    const { pid: to } = start({});
    const debug = (what: Term) => sys(to, tuple(atom('debug'), what));
    expect(await debug(atom('no_debug'))).toBe(atom('ok'));
    expect(await debug(tuple(atom('trace'), true))).toBe(atom('ok'));
    expect(await debug(tuple(atom('log'), atom('get')))).toEqual(tuple(atom('ok'), []));
    expect(await debug(tuple(atom('statistics'), atom('get')))).toEqual(tuple(atom('ok'), atom('no_statistics')));
    for (const unknown of [atom('what'), tuple(atom('replace_state'), 1), atom('terminate'), 5, tuple()]) {
      const answer = tuple(atom('error'), tuple(atom('unknown_system_msg'), unknown));
      expect(await sys(to, unknown)).toEqual(answer);
    }
  });
});
