// gen calls from the asking side: answers, failures, and that nothing of a call outlives it.
import { getEventListeners } from 'node:events';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { ArgumentError } from '../../src/errors.js';
import type { Process } from '../../src/process/process.js';
import type { ProcessTable } from '../../src/process/process-table.js';
import { atom } from '../../src/term/atom.js';
import { pid, type Reference } from '../../src/term/identifiers.js';
import { ImproperList } from '../../src/term/list.js';
import type { Term } from '../../src/term/term.js';
import { tuple } from '../../src/term/tuple.js';
import { Cluster, leftovers, NOTHING_LEFT } from './cluster.js';

let cluster: Cluster;
let a: ProcessTable;
let b: ProcessTable;
let me: Process;
let server: Process;

beforeEach(() => {
  cluster = new Cluster();
  a = cluster.node('a@h');
  b = cluster.node('b@h');
  me = a.spawn(undefined);
  server = b.spawn(undefined, { name: 'server' });
});

interface Request {
  readonly from: Term;
  readonly alias: Reference;
  readonly tag: Term;
  readonly request: Term;
}

/** The next request at the server. */
async function request(): Promise<Request> {
  cluster.settle();
  const [, client, asked] = (await server.receive({ timeout: 0 })) as Iterable<Term>;
  const [from, tag] = client as Iterable<Term>;
  return { from, tag, alias: (tag as ImproperList).tail as Reference, request: asked };
}

function clean(): void {
  cluster.settle();
  expect([leftovers(a), leftovers(b)]).toEqual([NOTHING_LEFT, NOTHING_LEFT]);
}

const to = { name: 'server', node: 'b@h' };

test('monitor, request, reply to the alias, demonitor: as OTP writes it', async () => {
  const answer = me.call(to, tuple(atom('add'), 1));
  const asked = await request();
  expect(asked.from).toBe(me.pid);
  expect(asked.tag).toEqual(new ImproperList([atom('alias')], asked.alias));
  expect(asked.request).toEqual(tuple(atom('add'), 1));
  server.send(asked.alias, tuple(asked.tag, 'yes'));
  cluster.settle();
  expect(await answer).toBe('yes');
  expect(cluster.wire.map(({ kind }) => kind)).toEqual(['monitor', 'message', 'message', 'demonitor']);
  clean();
});

test('a reply that comes to the pid is a reply, too', async () => {
  const answer = me.call(server.pid, 1);
  const asked = await request();
  server.send(me.pid, tuple(asked.tag, 'to the pid'));
  cluster.settle();
  expect(await answer).toBe('to the pid');
  clean();
});

test('what is no reply does not end the call', async () => {
  const answer = me.call(to, 1);
  const asked = await request();
  for (const wrong of [
    5,
    tuple(1, 2, 3),
    tuple(asked.alias, 1),
    tuple(new ImproperList([atom('alias')], b.makeReference()), 1),
  ]) {
    server.send(asked.alias, wrong);
  }
  server.send(asked.alias, tuple(asked.tag, 'right'));
  cluster.settle();
  expect([await answer, me.messageQueueLength]).toEqual(['right', 0]);
  clean();
});

describe('failures', () => {
  test('noproc, with nothing sent after it', async () => {
    const here = me.call('nobody', 1);
    await expect(here).rejects.toMatchObject({ code: 'noproc', reason: atom('noproc') });
    const there = me.call({ name: 'nobody', node: 'b@h' }, 1);
    cluster.settle();
    await expect(there).rejects.toThrow('call to {nobody, b@h}: there is no such process (noproc)');
    const oldLife = me.call(pid('b@h', 1, 0, 5), 1);
    cluster.settle();
    await expect(oldLife).rejects.toMatchObject({ code: 'noproc' });
    clean();
  });

  test("the server's exit reason, whatever it is", async () => {
    for (const [reason, code] of [
      [tuple(atom('bad'), [1]), 'exit'],
      [atom('normal'), 'normal'],
      [atom('killed'), 'killed'],
      [tuple(atom('shutdown'), 1), 'shutdown'],
      [7, 'exit'],
    ] as const) {
      const dying = b.spawn(undefined);
      const answer = me.call(dying.pid, 1);
      cluster.settle();
      dying.exit(reason);
      cluster.settle();
      await expect(answer).rejects.toMatchObject({ code, reason });
    }
    clean();
  });

  test('nodedown when the connection is lost', async () => {
    const answers = [me.call(to, 1), me.call(server.pid, 1), me.call(server.alias(), 1, { timeout: 30 })];
    cluster.settle();
    cluster.cut('a@h', 'b@h');
    for (const answer of answers.slice(0, 2)) {
      await expect(answer).rejects.toMatchObject({ code: 'nodedown', reason: tuple(atom('nodedown'), atom('b@h')) });
    }
    // An alias cannot be monitored.
    await expect(answers[2]).rejects.toMatchObject({ code: 'timeout' });
  });

  test('timeout; the late reply never arrives', async () => {
    const answer = me.call(to, 1, { timeout: 5 });
    const asked = await request();
    await expect(answer).rejects.toMatchObject({ code: 'timeout', reason: atom('timeout') });
    server.send(asked.alias, tuple(asked.tag, 'late'));
    server.send(me.pid, tuple(asked.tag, 'late'));
    cluster.settle();
    expect(me.messageQueueLength).toBe(0);
    clean();
  });

  test('the reply of a call in flight, sent to another process: a message like any other, as on a BEAM', async () => {
    const answer = me.call(to, 1, { timeout: Number.POSITIVE_INFINITY });
    const asked = await request();
    const collector = a.spawn(undefined);
    server.send(collector.pid, tuple(asked.tag, 'part'));
    cluster.settle();
    expect(await collector.receive({ timeout: 0 })).toEqual(tuple(asked.tag, 'part'));
    server.send(asked.alias, tuple(asked.tag, 'all'));
    cluster.settle();
    expect(await answer).toBe('all');
  });

  test('abort, before and during', async () => {
    const stop = new AbortController();
    const answer = me.call(to, 1, { signal: stop.signal, timeout: Number.POSITIVE_INFINITY });
    stop.abort(new Error('enough'));
    await expect(answer).rejects.toMatchObject({ code: 'aborted', cause: stop.signal.reason as Error });
    await expect(me.call(to, 1, { signal: stop.signal })).rejects.toMatchObject({ code: 'aborted' });
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
    clean();
  });

  test('the end of the caller', async () => {
    const answer = me.call(to, 1);
    cluster.settle();
    me.exit(atom('bye'));
    await expect(answer).rejects.toMatchObject({ reason: atom('bye') });
    clean();
    await expect(me.call(to, 1)).rejects.toMatchObject({ reason: atom('bye') });
  });

  test('calling oneself, by pid and by name', async () => {
    me.register('me');
    for (const self of [me.pid, 'me', { name: 'me', node: 'a@h' }]) {
      await expect(me.call(self, 1)).rejects.toMatchObject({ reason: atom('calling_self') });
    }
    clean();
  });

  test.each([-1, Number.NaN, 2 ** 32])('a timeout of %d is refused', async (timeout) => {
    await expect(me.call(to, 1, { timeout })).rejects.toThrow(ArgumentError);
    clean();
  });

  test('a request that cannot be sent leaves nothing behind', async () => {
    const route = a.route.bind(a);
    for (const kind of ['monitor', 'message']) {
      vi.spyOn(a, 'route').mockImplementation((signal) => {
        if (signal.kind === kind) throw new ArgumentError('not_encodable', kind);
        route(signal);
      });
      await expect(me.call(to, 1)).rejects.toThrow(kind);
      vi.restoreAllMocks();
      clean();
    }
  });
});

test('timers and listeners are gone after an answer', async () => {
  vi.useFakeTimers();
  try {
    const stop = new AbortController();
    const answer = me.call(to, 1, { signal: stop.signal });
    const asked = await request();
    expect(vi.getTimerCount()).toBe(1);
    server.send(asked.alias, tuple(asked.tag, 1));
    cluster.settle();
    await answer;
    expect([vi.getTimerCount(), getEventListeners(stop.signal, 'abort').length]).toEqual([0, 0]);
  } finally {
    vi.useRealTimers();
  }
});

test('a thousand calls at once, answered backwards', async () => {
  const answers = Array.from({ length: 1000 }, (_, i) => me.call(to, i));
  cluster.settle();
  const asked: Request[] = [];
  while (server.messageQueueLength > 0) asked.push(await request());
  for (const { alias, tag, request: what } of asked.reverse()) server.send(alias, tuple(tag, (what as number) + 1));
  cluster.settle();
  expect(await Promise.all(answers)).toEqual(Array.from({ length: 1000 }, (_, i) => i + 1));
  expect(me.messageQueueLength).toBe(0);
  clean();
  expect(asked[0]?.tag).toBeInstanceOf(ImproperList);
});
