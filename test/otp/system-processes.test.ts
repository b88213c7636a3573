// net_kernel and rex: what they answer, and that nothing a peer sends can end or stop them.
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { ArgumentError } from '../../src/errors.js';
import { ioServer } from '../../src/otp/io-server.js';
import { isAuth, netKernel } from '../../src/otp/net-kernel.js';
import { rex } from '../../src/otp/rex.js';
import { systemProcess } from '../../src/otp/system-process.js';
import type { Process } from '../../src/process/process.js';
import type { ProcessTable } from '../../src/process/process-table.js';
import { atom } from '../../src/term/atom.js';
import { pid } from '../../src/term/identifiers.js';
import type { Term } from '../../src/term/term.js';
import { tuple } from '../../src/term/tuple.js';
import { Cluster, leftovers, NOTHING_LEFT } from '../process/cluster.js';

let cluster: Cluster;
let table: ProcessTable;
let me: Process;
let running: number;
let casts: Term[];

const FUNCTIONS: Readonly<Record<string, (...args: Term[]) => unknown>> = {
  'm:add/2': (a, b) => (a as number) + (b as number),
  'm:fail/0': () => Promise.reject(new RangeError('no')),
  'm:throw/0': () => Promise.reject('thrown'),
  'm:note/1': (what) => casts.push(what),
  'm:symbol/0': () => Symbol('s'),
  'm:one_at_a_time/0': async () => {
    running++;
    await new Promise((resolve) => setTimeout(resolve, 2));
    return running--;
  },
};

const find = (module: string, name: string, arity: number) => {
  const run = FUNCTIONS[`${module}:${name}/${arity}`];
  return run === undefined ? undefined : (_self: unknown, args: readonly Term[]) => run(...args);
};

beforeEach(() => {
  running = 0;
  casts = [];
  cluster = new Cluster({ find });
  table = cluster.node('a@h');
  table.spawn(rex(find), { name: 'rex', system: true });
  table.spawn(netKernel, { name: 'net_kernel', system: true });
  me = table.spawn(undefined);
});

const run = (word: string, name: string, args: Term, leader: Term = me.pid): Term =>
  tuple(atom(word), atom('m'), atom(name), args, leader);

describe('rex', () => {
  test('call and block_call: value, throw, error, undef, bad arguments', async () => {
    for (const word of ['call', 'block_call']) {
      const call = (name: string, args: Term) => me.call('rex', run(word, name, args));
      expect(await call('add', [1, 2])).toBe(3);
      expect(await call('throw', [])).toBe('thrown');
      const badrpc = (reason: unknown) =>
        expect.objectContaining({
          elements: [atom('badrpc'), expect.objectContaining({ elements: [atom('EXIT'), reason] })],
        });
      const undef = tuple(atom('undef'), [tuple(atom('m'), atom('cmd'), ['id'], [])]);
      expect(await call('cmd', ['id'])).toEqual(badrpc(undef));
      expect(await call('add', 5)).toEqual(badrpc(tuple(atom('badarg'), [])));
      expect(await call('fail', [])).toEqual(
        badrpc(expect.objectContaining({ elements: [tuple(atom('js_error'), 'RangeError', 'no'), expect.anything()] })),
      );
      expect(await call('symbol', [])).toEqual(badrpc(expect.anything()));
    }
    expect(leftovers(table)).toEqual(NOTHING_LEFT);
  });

  test('calls run side by side, block_calls one after the other', async () => {
    const all = (word: string) =>
      Promise.all([1, 2, 3].map(() => me.call('rex', run(word, 'one_at_a_time', [], atom('user')))));
    expect(await all('call')).toEqual([3, 2, 1]);
    expect(await all('block_call')).toEqual([1, 1, 1]);
  });

  test('cast', async () => {
    me.cast('rex', run('cast', 'note', ['x']));
    me.cast('rex', run('cast', 'nope', []));
    await expect.poll(() => casts).toEqual(['x']);
    await expect.poll(() => table.size).toBe(3);
  });

  test('a C node: call, sbcast, send, features', async () => {
    const ask = (request: Term) => me.send('rex', tuple(me.pid, request));
    ask(run('call', 'add', [1, 2], atom('user')));
    expect(await me.receive()).toEqual(tuple(atom('rex'), 3));
    ask(atom('features_request'));
    expect(await me.receive()).toEqual(tuple(atom('features_reply'), atom('a@h'), [atom('erpc')]));
    const other = table.spawn(undefined, { name: 'other' });
    ask(tuple(atom('sbcast'), atom('other'), 1));
    expect([await other.receive(), await me.receive()]).toEqual([1, tuple(atom('rex'), atom('a@h'), atom('a@h'))]);
    ask(tuple(atom('send'), atom('other'), 2));
    expect(await other.receive()).toEqual(tuple(me.pid, 2));
    for (const word of ['sbcast', 'send']) {
      ask(tuple(atom(word), atom('nobody'), 3));
      const missing = tuple(atom('nonexisting_name'), atom('nobody'));
      expect(await me.receive()).toEqual(tuple(atom('rex'), atom('a@h'), missing));
    }
    expect(me.messageQueueLength).toBe(0);
  });

  test('a call whose process is killed answers badrpc', async () => {
    const answer = me.call('rex', run('call', 'one_at_a_time', []));
    await new Promise(setImmediate);
    const child = [...table.all()].at(-1) as Process;
    expect(child.groupLeader).toBe(me.pid);
    me.exit(child.pid, atom('kill'));
    expect(await answer).toEqual(tuple(atom('badrpc'), tuple(atom('EXIT'), atom('killed'))));
  });
});

describe('net_kernel', () => {
  test('is_auth', async () => {
    expect(await isAuth(me, 'a@h', { timeout: 100 })).toBe(true);
    await expect(me.call('net_kernel', atom('is_auth'), { timeout: 5 })).rejects.toMatchObject({ code: 'timeout' });
  });
});

describe('user', () => {
  test('answers whoever prints or reads', async () => {
    table.groupLeader = table.spawn(ioServer, { name: 'user', system: true }).pid;
    const ask = async (request: Term): Promise<Term> => {
      me.send('user', tuple(atom('io_request'), me.pid, 'as', request));
      const [word, as, answer] = (await me.receive({ timeout: 1000 })) as Iterable<Term>;
      expect([word, as]).toEqual([atom('io_reply'), 'as']);
      return answer;
    };
    const line = tuple(atom('get_line'), atom('unicode'), 'prompt> ');
    const print = tuple(atom('put_chars'), atom('unicode'), atom('io_lib'), atom('format'), ['hi', []]);
    expect([await ask(print), await ask(line)]).toEqual([atom('ok'), atom('eof')]);
    expect(await ask(atom('getopts'))).toEqual(expect.arrayContaining([tuple(atom('encoding'), atom('unicode'))]));
    const unknown = tuple(atom('error'), atom('request'));
    for (const odd of [5, tuple(), atom('what'), tuple(1), tuple(atom('requests'), 5), tuple(atom('constructor'))]) {
      expect(await ask(odd)).toEqual(unknown);
    }
    expect(await ask(tuple(atom('requests'), [print, line]))).toBe(atom('eof'));
    expect(await ask(tuple(atom('requests'), [print, 5, line]))).toEqual(unknown);
    expect(await ask(tuple(atom('requests'), []))).toBe(atom('ok'));
    me.send('user', tuple(atom('io_request'), 5, 5, 5));
    expect(table.spawn(undefined).groupLeader).toBe(table.groupLeader);
    expect(me.messageQueueLength).toBe(0);
  });
});

describe('whatever comes', () => {
  const leaf: fc.Arbitrary<Term> = fc.oneof(
    fc
      .constantFrom('$gen_call', '$gen_cast', 'system', 'call', 'block_call', 'cast', 'is_auth', 'DOWN', 'm', 'add')
      .map((text) => atom(text)),
    fc.constantFrom<Term>(pid('a@h', 1, 0, 4), pid('nonsense', 1, 0, 4), pid('b@h', 1, 0, 4), 1, [], [1, 2], undefined),
  );
  const { term } = fc.letrec<{ term: Term }>((tie) => ({
    term: fc.oneof(
      { depthSize: 'small' },
      leaf,
      fc.array(tie('term'), { maxLength: 5 }).map((elements) => tuple(...elements)),
    ),
  }));

  test('the system processes live, and answer the next one', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(term, { maxLength: 20 }), async (messages) => {
        for (const message of messages) {
          me.send('rex', message);
          me.send('net_kernel', message);
        }
        expect(await me.call('rex', run('call', 'add', [1, 2]))).toBe(3);
        expect(await isAuth(me, 'a@h', { timeout: 5000 })).toBe(true);
      }),
      { numRuns: 100 },
    );
    expect(cluster.crashes).toEqual([]);
  });

  test('an answer that cannot be sent ends nothing; the end of the node ends it', async () => {
    const seen: Term[] = [];
    const stubborn = table.spawn(
      systemProcess((_self, message) => {
        seen.push(message);
        throw new ArgumentError('not_encodable', 'no');
      }),
      { system: true },
    );
    me.send(stubborn.pid, 1);
    me.send(stubborn.pid, 2);
    me.exit(stubborn.pid, atom('kill'));
    await new Promise(setImmediate);
    expect([seen, stubborn.exited]).toEqual([[1, 2], false]);
    table.stop(atom('shutdown'));
    expect(stubborn.exited).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(cluster.crashes).toEqual([]);
  });
});
