// Remote calls between a BEAM and us, with every outcome in both directions (protocol sections 6.5 and 6.6; section 8,
// lines 88, 89, 95 and 101).
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ExitError } from '../../src/errors.js';
import type { Process } from '../../src/process/process.js';
import { atom } from '../../src/term/atom.js';
import { Pid } from '../../src/term/identifiers.js';
import { charlist } from '../../src/term/list.js';
import type { Term } from '../../src/term/term.js';
import { tuple } from '../../src/term/tuple.js';
import type { Erlang } from '../support/erlang.js';
import { type TestNode, until } from '../support/ts-node.js';
import { type Pair, startPair } from './pair.js';

let e: Erlang;
let ts: TestNode;
let pair: Pair;
let me: Process;
let notes: Term[];
let running = 0;
let most = 0;

const erl = (code: string): Promise<string> => pair.erl(code);

beforeAll(async () => {
  pair = await startPair();
  ({ e, ts } = pair);
  ts.node.expose('ours', {
    add: (a: number, b: number) => a + b,
    echo: async (term: Term) => term,
    throw: (term: Term) => Promise.reject(term),
    error: (text: Uint8Array) => Promise.reject(new TypeError(String(text))),
    exit: (reason: Term) => Promise.reject(new ExitError('exit', 'asked to', reason)),
    nothing: () => {},
    never: () => new Promise(() => {}),
    note: (term: Term) => notes.push(term),
    date: () => new Date(0),
    nested: () => [tuple(Symbol('deep') as never)],
    async alone() {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running--;
      return most;
    },
    'any/3': (...args: Term[]) => args.length,
  });
  expect(await e.eval('net_adm:ping(N).')).toBe('pong');
});

afterAll(() => pair?.stop());

beforeEach(async () => {
  notes = [];
  most = 0;
  await pair.fresh();
  me = ts.node.spawnMailbox({ name: 'me' });
  return () => me.exit();
});

describe('Erlang calls us', () => {
  test.each([
    ['erpc:call(N, ours, add, [1, 2])', '3'],
    ['rpc:call(N, ours, add, [1, 2])', '3'],
    ['erpc:call(N, ours, echo, [{1, "x", <<"y">>, #{a => [1.5 | b]}}])', '{1,"x",<<"y">>,#{a => [1.5|b]}}'],
    ['erpc:call(N, ours, nothing, [])', 'undefined'],
    ['erpc:call(N, ours, any, [1, 2, 3])', '3'],
    ['catch erpc:call(N, ours, throw, [{a, 1}])', '{a,1}'],
    ['rpc:call(N, ours, throw, [{a, 1}])', '{a,1}'],
    ['try erpc:call(N, ours, exit, [why]) catch exit:X -> X end', '{exception,why}'],
    ['rpc:call(N, ours, exit, [why])', "{badrpc,{'EXIT',why}}"],
    [
      'try erpc:call(N, ours, error, [<<"no">>]) catch error:{exception, X, [_ | _]} -> X end',
      '{js_error,<<"TypeError">>,<<"no">>}',
    ],
    [
      '{badrpc, {\'EXIT\', {X, [_ | _]}}} = rpc:call(N, ours, error, [<<"no">>]), X',
      '{js_error,<<"TypeError">>,<<"no">>}',
    ],
    ['try erpc:call(N, os, cmd, ["id"]) catch error:{exception, X, S} -> {X, S} end', '{undef,[{os,cmd,["id"],[]}]}'],
    ['rpc:call(N, ours, add, [1])', "{badrpc,{'EXIT',{undef,[{ours,add,[1],[]}]}}}"],
    ['try erpc:call(N, ours, never, [], 30) catch error:X -> X end', '{erpc,timeout}'],
    ['rpc:call(N, ours, never, [], 30)', '{badrpc,timeout}'],
    ['try erpc:call(N, ours, date, []) catch error:{exception, {js_error, X, _}, _} -> X end', '<<"not_encodable">>'],
    [
      'try erpc:call(N, ours, nested, []) catch error:{exception, {js_error, W, _}, []} -> W end',
      '<<"not_encodable">>',
    ],
    ['erpc:call(N, erpc, call, [])', undefined],
  ])('%s', async (code, expected) => {
    if (expected === undefined) await expect(erl(code)).rejects.toThrow('undef');
    else expect(await erl(code)).toBe(expected);
  });

  test('multicall, send_request, async_call, pmap, a thousand at once', async () => {
    expect(await erl('erpc:multicall([N, node(), N], ours, add, [1, 2])')).toMatch(
      /^\[\{ok,3\},\{error,\{exception,undef,.*\},\{ok,3\}\]$/,
    );
    expect(await erl('rpc:multicall([N], ours, add, [1, 2])')).toBe('{[3],[]}');
    expect(await erl('erpc:receive_response(erpc:send_request(N, ours, add, [3, 4]))')).toBe('7');
    expect(await erl('rpc:yield(rpc:async_call(N, ours, add, [5, 6]))')).toBe('11');
    expect(
      await erl(
        '[erpc:receive_response(R) || R <- [erpc:send_request(N, ours, echo, [I]) || I <- lists:seq(1, 1000)]] == lists:seq(1, 1000)',
      ),
    ).toBe('true');
  });

  test('casts', async () => {
    expect(
      await erl(
        '[erpc:cast(N, ours, note, [1]), rpc:cast(N, ours, note, [2]), erpc:multicast([N], ours, note, [3]), erpc:cast(N, os, cmd, [x])]',
      ),
    ).toBe('[ok,true,ok,ok]');
    await until(() => notes.length === 3, 'three notes');
    expect([...notes].sort()).toEqual([1, 2, 3]);
  });

  test('a caller that gives up or dies leaves nothing behind', async () => {
    await erl(
      '{P, M} = spawn_monitor(fun() -> erpc:call(N, ours, never, []) end), timer:sleep(20), exit(P, kill), Wait(M), net_adm:ping(N)',
    );
    expect(ts.log.filter(({ level }) => level === 'error')).toEqual([]);
  });
});

describe('rex', () => {
  test('block_call: one at a time', async () => {
    const both = (call: string) =>
      erl(
        `Top = self(), [spawn_link(fun() -> Top ! {r, rpc:${call}(N, ours, alone, [])} end) || _ <- [1, 2, 3]], lists:max([receive {r, R} -> R after 5000 -> none end || _ <- [1, 2, 3]])`,
      );
    expect(await both('block_call')).toBe('1');
    expect(Number(await both('call'))).toBeGreaterThan(1);
    expect(await erl('rpc:block_call(N, ours, add, [1, 2])')).toBe('3');
    expect(await erl('rpc:block_call(N, ours, exit, [x])')).toBe("{badrpc,{'EXIT',x}}");
    expect(await erl('rpc:block_call(N, ours, throw, [x])')).toBe('x');
    expect(await erl('rpc:block_call(N, os, cmd, [x])')).toBe("{badrpc,{'EXIT',{undef,[{os,cmd,[x],[]}]}}}");
    expect(await erl("{badrpc, {'EXIT', {{js_error, W, _}, _}}} = rpc:block_call(N, ours, nested, []), W")).toBe(
      '<<"not_encodable">>',
    );
  });

  test('a C node: {Pid, {call, …}}; features; the old call and cast', async () => {
    expect(
      await erl('{rex, N} ! {self(), {call, ours, add, [1, 2], user}}, receive {rex, R} -> R after 5000 -> none end'),
    ).toBe('3');
    expect(
      await erl('{rex, N} ! {self(), features_request}, receive {features_reply, N, F} -> F after 5000 -> none end'),
    ).toBe('[erpc]');
    expect(await erl('gen_server:call({rex, N}, {call, ours, add, [1, 2], group_leader()})')).toBe('3');
    await erl('gen_server:cast({rex, N}, {cast, ours, note, [9], group_leader()})');
    await until(() => notes.length === 1, 'a note');
  });

  test('sbcast, server_call, multi_server_call, abcast', async () => {
    expect(await erl('rpc:sbcast([N], me, hi)')).toBe(`{['${ts.name}'],[]}`);
    expect(await erl('rpc:sbcast([N], nobody, hi)')).toBe(`{[],['${ts.name}']}`);
    expect(await erl('rpc:abcast([N], me, ho)')).toBe('abcast');
    expect([await me.receive({ timeout: 5000 }), await me.receive({ timeout: 5000 })]).toEqual([
      atom('hi'),
      atom('ho'),
    ]);
    ts.node.spawn(
      async (self) => {
        for await (const message of self) {
          const [from, what] = message as Iterable<Term>;
          self.send(from as Pid, tuple(atom('answer'), atom(self.node), what));
        }
      },
      { name: 'answer' },
    );
    expect(await erl('rpc:server_call(N, answer, answer, q)')).toBe('q');
    expect(await erl('rpc:multi_server_call([N], answer, q)')).toBe('{[q],[]}');
  });

  test.each([
    ['{rex, N} ! garbage, {net_kernel, N} ! garbage'],
    ["{rex, N} ! {self(), {call, 1, 2, 3, 4}}, {rex, N} ! {'$gen_call', {self(), x}, {call, [], [], [], []}}"],
    [
      "{net_kernel, N} ! {'$gen_call', {self()}, {is_auth, x}}, {net_kernel, N} ! {'$gen_call', {self(), make_ref()}, {is_auth}}",
    ],
    ["{rex, N} ! {'DOWN', make_ref(), process, self(), x}, {rex, N} ! {'EXIT', self(), kill}"],
  ])('odd messages do no harm: %s', async (code) => {
    await erl(code);
    expect(await erl('{net_adm:ping(N), rpc:block_call(N, ours, add, [1, 1])}')).toBe('{pong,2}');
  });
});

describe('we call Erlang', () => {
  const EXCEPTION = atom('exception');
  const erpc = (m: string, f: string, args: readonly Term[] = [], options = {}) =>
    ts.node.erpc(e.name, m, f, args, options);
  const rpc = (m: string, f: string, args: readonly Term[] = [], options = {}) =>
    ts.node.rpc(e.name, m, f, args, options);
  const badrpc = (reason: unknown) => ({ code: 'badrpc', reason: { elements: [atom('badrpc'), reason] } });
  const caught = (reason: unknown) => badrpc({ elements: [atom('EXIT'), reason] });

  test('a value', async () => {
    expect(await erpc('lists', 'seq', [1, 3])).toEqual([1, 2, 3]);
    expect(await rpc('erlang', 'node')).toBe(atom(e.name));
    expect(await erpc('erlang', 'self')).toBeInstanceOf(Pid);
  });

  test('a throw, an exit, an error, undef', async () => {
    await expect(erpc('erlang', 'throw', [1])).rejects.toMatchObject({ reason: tuple(atom('throw'), 1) });
    expect(await rpc('erlang', 'throw', [1])).toBe(1);
    await expect(erpc('erlang', 'exit', [tuple(1)])).rejects.toMatchObject({ reason: tuple(EXCEPTION, tuple(1)) });
    await expect(rpc('erlang', 'exit', [tuple(1)])).rejects.toMatchObject(caught(tuple(1)));
    const error = { elements: [EXCEPTION, atom('badarith'), expect.any(Array)] };
    await expect(erpc('erlang', '/', [1, 0])).rejects.toMatchObject({ code: 'exit', reason: error });
    await expect(rpc('erlang', '/', [1, 0])).rejects.toMatchObject(
      caught({ elements: [atom('badarith'), expect.any(Array)] }),
    );
    const undef = { elements: [EXCEPTION, atom('undef'), expect.any(Array)] };
    await expect(erpc('no_such', 'thing')).rejects.toMatchObject({ reason: undef });
  });

  test('timeout, abort, killed, noconnection', async () => {
    const forever = [atom('infinity')];
    await expect(erpc('timer', 'sleep', forever, { timeout: 20 })).rejects.toMatchObject({ code: 'timeout' });
    await expect(rpc('timer', 'sleep', forever, { timeout: 20 })).rejects.toMatchObject(badrpc(atom('timeout')));
    await expect(erpc('timer', 'sleep', forever, { signal: AbortSignal.timeout(20) })).rejects.toMatchObject({
      code: 'aborted',
    });
    const suicide = [tuple()];
    await expect(erpc('erlang', 'exit', suicide)).rejects.toMatchObject({ reason: tuple(EXCEPTION, tuple()) });
    await expect(ts.node.erpc('nowhere@127.0.0.1', 'a', 'b', [])).rejects.toMatchObject({ code: 'noconnection' });
    await expect(ts.node.rpc('nowhere@127.0.0.1', 'a', 'b', [])).rejects.toMatchObject(badrpc(atom('nodedown')));
  });

  test('badarg for what cannot be sent, and nothing stays', async () => {
    await expect(erpc('erlang', 'hd', [Symbol('s') as never])).rejects.toMatchObject({ code: 'not_encodable' });
    expect(await erpc('erlang', 'abs', [-1])).toBe(1);
  });

  test('block_call and features of a real rex; a gen call {call, …}', async () => {
    const rex = { name: 'rex', node: e.name };
    const run = (word: string) => tuple(atom(word), atom('erlang'), atom('abs'), [-7], me.pid);
    expect(await me.call(rex, run('block_call'))).toBe(7);
    me.send(rex, tuple(me.pid, atom('features_request')));
    expect(await me.receive({ timeout: 5000 })).toEqual(tuple(atom('features_reply'), atom(e.name), [atom('erpc')]));
    me.send(rex, tuple(me.pid, run('call')));
    expect(await me.receive({ timeout: 5000 })).toEqual(tuple(atom('rex'), 7));
  });

  test('what prints or reads there on our behalf does not hang', async () => {
    expect(await erpc('io', 'format', [charlist('to nobody ~p~n'), [1]])).toBe(atom('ok'));
    expect(await erpc('io', 'put_chars', ['text'])).toBe(atom('ok'));
    expect(await erpc('io', 'get_line', [charlist('prompt> ')])).toBe(atom('eof'));
    expect(await erpc('io', 'getopts')).toBeInstanceOf(Array);
    expect(await erpc('io', 'columns')).toEqual(tuple(atom('error'), atom('enotsup')));
  });

  test('many at once, and to several nodes', async () => {
    const answers = await Promise.all(Array.from({ length: 500 }, (_, i) => erpc('erlang', 'abs', [-i])));
    expect(answers).toEqual(Array.from({ length: 500 }, (_, i) => i));
    const everywhere = await Promise.allSettled(
      [e.name, 'nowhere@127.0.0.1', ts.name].map((node) => ts.node.erpc(node, 'ours', 'add', [1, 2])),
    );
    expect(everywhere.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
  });

  test('cast', async () => {
    ts.node.erpcCast(e.name, 'erlang', 'send', [me.pid, charlist('cast')]);
    expect(await me.receive({ timeout: 5000 })).toEqual(charlist('cast'));
  });
});
