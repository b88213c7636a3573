// Generic servers of ours and of OTP, calling each other (protocol sections 6.2 and 6.3; section 8, lines 90 to 92).
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type From, reply } from '../../src/otp/gen.js';
import { genServer, NO_REPLY, stop } from '../../src/otp/gen-server.js';
import type { Process } from '../../src/process/process.js';
import { atom } from '../../src/term/atom.js';
import type { Pid } from '../../src/term/identifiers.js';
import type { Term } from '../../src/term/term.js';
import { Tuple, tuple } from '../../src/term/tuple.js';
import type { Erlang } from '../support/erlang.js';
import { type TestNode, until } from '../support/ts-node.js';
import { type Pair, startPair } from './pair.js';

let e: Erlang;
let ts: TestNode;
let pair: Pair;
let me: Process;
let casts: Term[];
let ends: Term[];

const erl = (code: string): Promise<string> => pair.erl(code);

/** A server that does what it is asked to. */
function startServer(name: string): Pid {
  let state: Term = 0;
  const late: From[] = [];
  return ts.node.spawn(
    genServer({
      handleCall(request, from, self) {
        if (!(request instanceof Tuple)) return tuple(atom('got'), request);
        const [word, argument] = request.elements;
        if (word === atom('set')) state = argument;
        else if (word === atom('crash')) throw new RangeError('asked to');
        else if (word === atom('stop')) {
          reply(self, from, atom('bye'));
          throw stop(argument);
        } else if (word === atom('exit')) throw stop(argument);
        else if (word === atom('late')) {
          late.push(from);
          return NO_REPLY;
        }
        return state;
      },
      handleCast(request, self) {
        casts.push(request);
        for (const from of late.splice(0)) reply(self, from, request);
      },
      handleInfo: (message) => casts.push(tuple(atom('info'), message)),
      terminate: (reason) => ends.push(reason),
      state: () => tuple(atom('state'), state),
    }),
    { name },
  );
}

/** A gen_server in Erlang, without a module: gen messages answered by hand, but started and called as one. */
const THEIRS = `
  Loop = fun Loop(S) ->
    receive
      {'$gen_call', From, {set, X}} -> gen_server:reply(From, S), Loop(X);
      {'$gen_call', From, {late, T}} -> spawn(fun() -> timer:sleep(T), gen_server:reply(From, late) end), Loop(S);
      {'$gen_call', _, {exit, R}} -> exit(R);
      {'$gen_call', _, silence} -> Loop(S);
      {'$gen_call', From, Q} -> gen_server:reply(From, {got, Q}), Loop(S);
      {'$gen_cast', X} -> Loop(X)
    end
  end`;

beforeAll(async () => {
  pair = await startPair();
  ({ e, ts } = pair);
  expect(await e.eval('net_adm:ping(N).')).toBe('pong');
});

afterAll(() => pair?.stop());

beforeEach(async () => {
  casts = [];
  ends = [];
  await pair.fresh();
  me = ts.node.spawnMailbox();
  const server = startServer('server');
  return () => {
    me.exit(server, atom('kill'));
    me.exit();
  };
});

describe('Erlang calls our server', () => {
  test('call by name and by pid, in order; cast; plain messages', async () => {
    expect(await erl('gen_server:call({server, N}, hello)')).toBe('{got,hello}');
    expect(await erl('[gen_server:call({server, N}, {set, I}) || I <- lists:seq(1, 100)] == lists:seq(1, 100)')).toBe(
      'true',
    );
    expect(
      await erl(
        '[gen_server:cast({server, N}, {cast, [1]}), {server, N} ! plain, gen_server:abcast([N], server, all)]',
      ),
    ).toBe('[ok,plain,abcast]');
    await until(() => casts.length === 3, 'casts have come');
    expect(casts).toEqual([tuple(atom('cast'), [1]), tuple(atom('info'), atom('plain')), atom('all')]);
  });

  test('a name that nobody has: noproc at once', async () => {
    expect(
      await erl(
        "{T, {'EXIT', {noproc, {gen_server, call, [{nobody, _}, x]}}}} = timer:tc(fun() -> catch gen_server:call({nobody, N}, x) end), T < 2000000",
      ),
    ).toBe('true');
  });

  test('a crash: the caller exits with the reason', async () => {
    expect(
      await erl(
        "{'EXIT', {{{js_error, What, Why}, [_ | _]}, {gen_server, call, _}}} = (catch gen_server:call({server, N}, {crash, 1})), {What, Why}",
      ),
    ).toBe('{<<"RangeError">>,<<"asked to">>}');
    expect(ends).toHaveLength(1);
  });

  test('stop with a reply; exit without one', async () => {
    expect(
      await erl(
        'M = monitor(process, {server, N}), {gen_server:call({server, N}, {stop, {shutdown, 1}}), element(2, Wait(M))}',
      ),
    ).toBe('{bye,{shutdown,1}}');
    startServer('server');
    expect(
      await erl("{'EXIT', {R, {gen_server, call, _}}} = (catch gen_server:call({server, N}, {exit, gone})), R"),
    ).toBe('gone');
    expect(ends).toEqual([tuple(atom('shutdown'), 1), atom('gone')]);
  });

  test('a timeout, and the late reply that nobody sees', async () => {
    expect(
      await erl(
        "{'EXIT', {timeout, _}} = (catch gen_server:call({server, N}, {late, 1}, 50)), gen_server:cast({server, N}, now), gen_server:call({server, N}, sync)",
      ),
    ).toBe('{got,sync}');
    expect(await erl('net_adm:ping(N), receive M -> M after 50 -> nothing end')).toBe('nothing');
  });

  test('send_request, wait_response, multi_call', async () => {
    expect(await erl('Q = gen_server:send_request({server, N}, a), gen_server:receive_response(Q, 5000)')).toBe(
      '{reply,{got,a}}',
    );
    expect(
      await erl(
        'Q2 = gen_server:send_request({nobody, N}, a), {error, {noproc, _}} = gen_server:wait_response(Q2, 5000), ok',
      ),
    ).toBe('ok');
    expect(await erl('gen_server:multi_call([N], server, b, 5000)')).toBe(`{[{'${ts.name}',{got,b}}],[]}`);
    expect(
      await erl(
        '{[], Bad} = gen_server:multi_call([N, node()], nobody, b, 5000), lists:sort(Bad) == lists:sort([N, node()])',
      ),
    ).toBe('true');
  });

  test('gen_server:stop, with and without a reason; a server that is not there', async () => {
    expect(await erl('gen_server:stop({server, N})')).toBe('ok');
    startServer('server');
    expect(await erl('gen_server:stop({server, N}, {shutdown, x}, 5000)')).toBe('ok');
    expect(ends).toEqual([atom('normal'), tuple(atom('shutdown'), atom('x'))]);
    expect(await erl("{'EXIT', W} = (catch gen_server:stop({server, N})), W")).toMatch(/noproc/);
  });

  test('gen_statem:call speaks the same', async () => {
    expect(await erl('gen_statem:call({server, N}, q)')).toBe('{got,q}');
  });

  test('a thousand callers at once', async () => {
    expect(
      await erl(
        'Top = self(), [spawn_link(fun() -> {got, I} = gen_server:call({server, N}, I), Top ! {done, I} end) || I <- lists:seq(1, 1000)], [receive {done, J} -> J after 5000 -> none end || J <- lists:seq(1, 1000)] == lists:seq(1, 1000)',
      ),
    ).toBe('true');
    expect(ts.node.registered()).toContain('server');
  });
});

describe('sys on our server', () => {
  test('get_state, get_status', async () => {
    expect(await erl('gen_server:call({server, N}, {set, 7}), sys:get_state({server, N})')).toBe('{state,7}');
    expect(
      await erl(
        '{status, P, {module, gen_server}, [[], running, P, [], Misc]} = sys:get_status({server, N}), {node(P) == N, Misc}',
      ),
    ).toBe('{true,[{data,[{"State",{state,7}}]}]}');
  });

  test('suspend, resume: calls wait', async () => {
    expect(await erl('sys:suspend({server, N})')).toBe('ok');
    expect(
      await erl("{'EXIT', {timeout, _}} = (catch gen_server:call({server, N}, x, 50)), sys:get_state({server, N})"),
    ).toBe('{state,0}');
    expect(await erl('{status, _, _, [_, Mode | _]} = sys:get_status({server, N}), Mode')).toBe('suspended');
    expect(await erl('sys:resume({server, N}), gen_server:call({server, N}, y)')).toBe('{got,y}');
  });

  test('terminate, debug, replace_state', async () => {
    expect(
      await erl(
        '[sys:no_debug({server, N}), sys:log({server, N}, get), sys:statistics({server, N}, get), sys:trace({server, N}, true)]',
      ),
    ).toBe('[ok,{ok,[]},{ok,no_statistics},ok]');
    expect(await erl('element(1, catch sys:replace_state({server, N}, fun(S) -> S end))')).toBe("'EXIT'");
    expect(
      await erl('M = monitor(process, {server, N}), {sys:terminate({server, N}, {asked, 1}), element(2, Wait(M))}'),
    ).toBe('{ok,{asked,1}}');
    expect(ends).toEqual([tuple(atom('asked'), 1)]);
  });
});

describe('we call an Erlang server', () => {
  const there = () => ({ name: 'theirs', node: e.name });

  beforeEach(async () => {
    await erl(`${THEIRS}, catch unregister(theirs), register(theirs, spawn(fun() -> Loop(0) end))`);
  });

  test('call, cast, in order, by name and by pid', async () => {
    expect(await me.call(there(), atom('hello'))).toEqual(tuple(atom('got'), atom('hello')));
    const answers = Array.from({ length: 100 }, (_, i) => me.call(there(), tuple(atom('set'), i + 1)));
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    me.cast(there(), 'cast');
    expect(String(await me.call(there(), tuple(atom('set'), 0)))).toBe('cast');
    const pid = (await ts.node.rpc(e.name, 'erlang', 'whereis', [atom('theirs')])) as Pid;
    expect(await ts.node.call(pid, 1)).toEqual(tuple(atom('got'), 1));
    expect(me.relations.monitors.size).toBe(0);
  });

  test('noproc, by name and by pid', async () => {
    await expect(me.call({ name: 'nobody', node: e.name }, 1)).rejects.toMatchObject({ code: 'noproc' });
    const dead = (await ts.node.erpc(e.name, 'erlang', 'spawn', [atom('erlang'), atom('node'), []])) as Pid;
    await until(async () => (await ts.node.erpc(e.name, 'erlang', 'is_process_alive', [dead])) === false, 'it ended');
    await expect(me.call(dead, 1)).rejects.toMatchObject({ code: 'noproc', reason: atom('noproc') });
  });

  test("the server's exit reason", async () => {
    const reason = tuple(atom('bad'), [1, atom('x')]);
    await expect(me.call(there(), tuple(atom('exit'), reason))).rejects.toMatchObject({ code: 'exit', reason });
  });

  test('a timeout, and the late reply that never arrives', async () => {
    await expect(me.call(there(), tuple(atom('late'), 60), { timeout: 20 })).rejects.toMatchObject({ code: 'timeout' });
    expect(await me.call(there(), tuple(atom('late'), 100))).toBe(atom('late'));
    expect(me.messageQueueLength).toBe(0);
  });

  test('abort', async () => {
    const stopping = new AbortController();
    const answer = me.call(there(), atom('silence'), { signal: stopping.signal });
    stopping.abort();
    await expect(answer).rejects.toMatchObject({ code: 'aborted' });
    expect(await me.call(there(), 2)).toEqual(tuple(atom('got'), 2));
  });

  test('nodedown: a node that is not there, and one that goes', async () => {
    const nowhere = { name: 'x', node: 'nowhere@127.0.0.1' };
    await expect(me.call(nowhere, 1)).rejects.toMatchObject({
      code: 'nodedown',
      reason: tuple(atom('nodedown'), atom('nowhere@127.0.0.1')),
    });
    await me.call(there(), 1);
    const answer = me.call(there(), atom('silence'));
    await until(async () => (await erl('element(2, process_info(whereis(theirs), monitored_by))')) !== '[]', 'asked');
    ts.node.disconnect(e.name);
    await expect(answer).rejects.toMatchObject({ code: 'nodedown' });
    expect(await me.call(there(), 3)).toEqual(tuple(atom('got'), 3));
  });

  test('real servers of OTP: code_server, application_controller, a supervisor, an event manager', async () => {
    const kernel = { name: 'kernel_sup', node: e.name };
    const children = (await me.call(kernel, atom('which_children'))) as Term[];
    expect(children.length).toBeGreaterThan(3);
    const [, counts] = (await me.call(kernel, atom('count_children'))) as Term[];
    expect(counts).toBeInstanceOf(Tuple);
    expect(await me.call({ name: 'net_kernel', node: e.name }, tuple(atom('is_auth'), atom(ts.name)))).toBe(
      atom('yes'),
    );
    // What sys:get_state/1 reads: {ok, State}, before OTP 26 the bare state.
    const tag0 = me.monitor(kernel, { alias: 'reply_demonitor' });
    me.send(kernel, tuple(atom('system'), tuple(me.pid, tag0), atom('get_state')));
    const [, state] = (await me.receive({ timeout: 5000 })) as Tuple;
    const [first, second] = (state as Tuple).elements;
    expect(Number(e.release) < 26 ? first : (second as Tuple).elements[0]).toBe(atom('state'));
    me.demonitor(tag0);
    await erl('{ok, _} = gen_event:start({local, events})');
    const tag = me.monitor({ name: 'events', node: e.name }, { alias: 'reply_demonitor' });
    me.send({ name: 'events', node: e.name }, tuple(me.pid, tuple(me.pid, tag), atom('which_handlers')));
    expect(await me.receive({ timeout: 5000 })).toEqual(tuple(tag, []));
  });
});
