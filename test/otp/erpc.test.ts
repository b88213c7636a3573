// erpc and rpc between two nodes: every outcome of OTP's, from both sides of the call.
import { beforeEach, describe, expect, test } from 'vitest';
import { ArgumentError, ExitError } from '../../src/errors.js';
import { erpc, erpcCast, executeCall, executeCast, rpc } from '../../src/otp/erpc.js';
import type { Process } from '../../src/process/process.js';
import type { ProcessTable } from '../../src/process/process-table.js';
import type { FindFunction } from '../../src/process/spawn-request.js';
import { atom } from '../../src/term/atom.js';
import type { Term } from '../../src/term/term.js';
import { tuple } from '../../src/term/tuple.js';
import { Cluster, leftovers, NOTHING_LEFT } from '../process/cluster.js';

let cluster: Cluster;
let a: ProcessTable;
let b: ProcessTable;
let me: Process;
let casts: Term[];

const fails = (thrown: unknown) => () => Promise.reject(thrown);

beforeEach(() => {
  casts = [];
  const functions: Readonly<Record<string, (...args: Term[]) => unknown>> = {
    'm:add/2': (x, y) => (x as number) + (y as number),
    'm:nothing/0': () => {},
    'm:throw/1': (what) => fails(what)(),
    'm:error/0': fails(new RangeError('no')),
    'm:exit/1': (reason) => fails(new ExitError('exit', 'm', reason))(),
    'm:function/0': () => () => 1,
    'm:never/0': () => new Promise(() => {}),
    'm:note/1': (what) => casts.push(what),
  };
  const find: FindFunction = (module, name, arity) => {
    if (module === 'erpc') return name === 'execute_call' ? executeCall(find) : executeCast(find);
    const run = functions[`${module}:${name}/${arity}`];
    return run === undefined ? undefined : (_self, args) => run(...args);
  };
  cluster = new Cluster({ find });
  a = cluster.node('a@h');
  b = cluster.node('b@h');
  me = a.spawn(undefined);
});

const to = (name: string, args: readonly Term[] = [], node = 'b@h') => ({ node, module: 'm', function: name, args });

/** Lets signals and functions run until the call has an answer. */
async function settled<Value>(answer: Promise<Value>): Promise<Value> {
  let done = false;
  const end = () => {
    done = true;
  };
  answer.then(end, end);
  for (let i = 0; i < 50 && !done; i++) {
    cluster.settle();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return answer;
}

const byErpc = (name: string, args?: readonly Term[], node?: string) => settled(erpc(me, a, to(name, args, node)));
const byRpc = (name: string, args?: readonly Term[], node?: string) => settled(rpc(me, a, to(name, args, node)));
const badrpc = (reason: unknown) => ({ code: 'badrpc', reason: { elements: [atom('badrpc'), reason] } });
const caught = (reason: unknown) => badrpc({ elements: [atom('EXIT'), reason] });
const UNDEF = [tuple(atom('m'), atom('nope'), [1], [])];

describe('outcomes', () => {
  test('a value, here and there', async () => {
    for (const node of ['a@h', 'b@h']) {
      expect([await byErpc('add', [1, 2], node), await byRpc('add', [1, 2], node)]).toEqual([3, 3]);
    }
    expect(await byErpc('nothing')).toBeUndefined();
    expect([leftovers(a), leftovers(b), b.size]).toEqual([NOTHING_LEFT, NOTHING_LEFT, 0]);
  });

  test('a throw is thrown by erpc and returned by rpc', async () => {
    await expect(byErpc('throw', [7])).rejects.toMatchObject({ code: 'exit', reason: tuple(atom('throw'), 7) });
    expect(await byRpc('throw', [7])).toBe(7);
  });

  test('an exit', async () => {
    await expect(byErpc('exit', [7])).rejects.toMatchObject({ reason: tuple(atom('exception'), 7) });
    await expect(byRpc('exit', [7])).rejects.toMatchObject(caught(7));
  });

  test('an error', async () => {
    const told = tuple(atom('js_error'), 'RangeError', 'no');
    const reason = { elements: [atom('exception'), told, expect.any(Array)] };
    await expect(byErpc('error')).rejects.toMatchObject({ code: 'exit', reason });
    await expect(byRpc('error')).rejects.toMatchObject(caught({ elements: [told, expect.any(Array)] }));
    expect(cluster.crashes).toEqual([]);
  });

  test('what is not exposed', async () => {
    const exception = tuple(atom('exception'), atom('undef'), UNDEF);
    await expect(byErpc('nope', [1])).rejects.toMatchObject({ reason: exception });
    await expect(byRpc('nope', [1])).rejects.toMatchObject(caught(tuple(atom('undef'), UNDEF)));
  });

  test('a result that is no term', async () => {
    const told = { elements: [atom('js_error'), 'not_encodable', expect.stringContaining('m:function/0 gave')] };
    await expect(byErpc('function')).rejects.toMatchObject({
      reason: { elements: [atom('exception'), told, expect.anything()] },
    });
  });
});

describe('failures of the call itself', () => {
  test('noconnection, at once and later', async () => {
    await expect(byErpc('add', [1, 2], 'gone@h')).rejects.toMatchObject({ code: 'noconnection' });
    await expect(byRpc('add', [1, 2], 'gone@h')).rejects.toMatchObject(badrpc(atom('nodedown')));
    const answer = erpc(me, a, to('never'));
    cluster.settle();
    cluster.cut('a@h', 'b@h');
    await expect(answer).rejects.toMatchObject({ code: 'noconnection' });
    expect(leftovers(a)).toEqual(NOTHING_LEFT);
  });

  test('timeout: the process there goes on, unwatched', async () => {
    const [one, other] = [erpc(me, a, to('never'), { timeout: 5 }), rpc(me, a, to('never'), { timeout: 5 })];
    cluster.settle();
    await expect(one).rejects.toMatchObject({ code: 'timeout', reason: atom('timeout') });
    await expect(other).rejects.toMatchObject(badrpc(atom('timeout')));
    const unanswered = erpc(me, a, to('never'), { timeout: 1 });
    await expect(unanswered).rejects.toMatchObject({ code: 'timeout' });
    cluster.settle();
    expect([leftovers(a), leftovers(b), b.size, me.messageQueueLength]).toEqual([NOTHING_LEFT, NOTHING_LEFT, 3, 0]);
  });

  test('the process there is killed', async () => {
    const answers = [erpc(me, a, to('never')), rpc(me, a, to('never'))];
    cluster.settle();
    for (const { pid } of [...b.all()]) me.exit(pid, atom('kill'));
    cluster.settle();
    await expect(answers[0]).rejects.toMatchObject({ reason: tuple(atom('signal'), atom('killed')) });
    await expect(answers[1]).rejects.toMatchObject(caught(atom('killed')));
  });

  test('abort, a bad timeout, and the end of the caller', async () => {
    const stop = new AbortController();
    const aborted = [erpc, rpc].map((call) => call(me, a, to('never'), { signal: stop.signal }));
    stop.abort();
    for (const one of aborted) await expect(one).rejects.toMatchObject({ code: 'aborted' });
    await expect(erpc(me, a, to('never'), { timeout: -1 })).rejects.toThrow(ArgumentError);
    const orphan = erpc(me, a, to('never'));
    me.exit('bye');
    await expect(orphan).rejects.toMatchObject({ reason: 'bye' });
    cluster.settle();
    expect([leftovers(a), leftovers(b)]).toEqual([NOTHING_LEFT, NOTHING_LEFT]);
    await expect(erpc(me, a, to('never'))).rejects.toMatchObject({ reason: 'bye' });
  });

  test('an answer that is no outcome', async () => {
    const odd = new Cluster({ find: () => (self) => self.exit(tuple(1, 2, 3)) });
    const table = odd.node('a@h');
    const caller = table.spawn(undefined);
    await expect(erpc(caller, table, to('x', [], 'a@h'))).rejects.toMatchObject({
      reason: tuple(atom('signal'), tuple(1, 2, 3)),
    });
  });

  test('nobody has to look', async () => {
    void erpc(me, a, to('add', [1, 2], 'gone@h'));
    void rpc(me, a, to('add', [1, 2], 'gone@h'));
    cluster.settle();
    await new Promise((resolve) => setTimeout(resolve, 5));
  });
});

describe('what a peer may send to execute_call and execute_cast', () => {
  test('arguments of any shape', async () => {
    for (const args of [[], [1], [1, 2, 3, 4], [1, atom('m'), 'add', [1, 2]], [1, atom('m'), atom('add'), 5]]) {
      const { ref } = await me.spawnRequest('a@h', 'erpc', 'execute_call', args, { monitor: true });
      const [, its, , , reason] = (await me.receive({ timeout: 1000 })) as Iterable<Term>;
      expect([its, reason]).toEqual([ref, tuple(args[0], atom('error'), atom('badarg'), [])]);
    }
    await me.spawnRequest('a@h', 'erpc', 'execute_cast', [5]);
    expect(cluster.crashes).toEqual([]);
  });

  test('cast', async () => {
    erpcCast(me, a, to('note', ['x']));
    erpcCast(me, a, to('nope'));
    erpcCast(me, a, to('error'));
    erpcCast(me, a, to('note', ['lost'], 'gone@h'));
    cluster.settle();
    await expect.poll(() => casts).toEqual(['x']);
    expect(cluster.crashes).toHaveLength(1);
    expect([leftovers(a), leftovers(b), b.size]).toEqual([NOTHING_LEFT, NOTHING_LEFT, 0]);
  });
});
