// What a hidden node of ours is to the rest of OTP: global, pg, logger, shells, tools, and clusters of visible nodes
// (protocol sections 6.7 to 6.11; section 8, lines 18, 93, 94 and 96 to 101). None of its services runs here; an
// application's own process can take the place of one, by its name.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ANNOUNCED_FLAGS, DFLAG } from '../../src/dist/flags.js';
import { genServer } from '../../src/otp/gen-server.js';
import type { Process } from '../../src/process/process.js';
import { type Atom, atom } from '../../src/term/atom.js';
import { format } from '../../src/term/format.js';
import type { Pid } from '../../src/term/identifiers.js';
import { charlist } from '../../src/term/list.js';
import type { Term } from '../../src/term/term.js';
import { Tuple, tuple } from '../../src/term/tuple.js';
import { guard, signalGroup } from '../support/child.js';
import { type Erlang, startErlang } from '../support/erlang.js';
import { otpCommand } from '../support/otp-command.js';
import { startTestNode, type TestNode, until } from '../support/ts-node.js';
import { identity, reach } from './bare-peer.js';
import { type Pair, startPair } from './pair.js';

let e: Erlang;
let other: Erlang;
let ts: TestNode;
let me: Process;
let pair: Pair;
const erl = (code: string): Promise<string> => pair.erl(code);

beforeAll(async () => {
  pair = await startPair();
  ({ e, ts } = pair);
  other = await startErlang({ epmdPort: e.epmdPort, cookie: e.cookie });
  expect(await e.eval(`net_adm:ping('${other.name}').`)).toBe('pong');
  expect(await e.eval('net_adm:ping(N).')).toBe('pong');
  expect(await ts.node.ping(other.name)).toBe('pong');
});

afterAll(async () => {
  await other?.stop();
  await pair?.stop();
});

beforeEach(async () => {
  await pair.fresh();
  me = ts.node.spawnMailbox();
  return () => me.exit();
});

const received = async (): Promise<string> => format(await me.receive({ timeout: 5000 }));

describe('clusters of visible nodes', () => {
  test('who says that it is visible is in nodes(); a node of ours says that it is not', async () => {
    expect(await erl('{nodes(), nodes(hidden)}')).toBe(`{['${other.name}'],['${ts.name}']}`);
    const visible = identity(ANNOUNCED_FLAGS | DFLAG.DFLAG_PUBLISHED);
    const bare = await reach(e, visible);
    expect(await erl(`lists:member('${visible.node}', nodes())`)).toBe('true');
    bare.close();
    await until(async () => (await erl(`lists:member('${visible.node}', nodes())`)) === 'false', 'it to be gone');
    const options = { cookie: e.cookie, hidden: false } as unknown as { cookie: string };
    await expect(startTestNode(e.epmdPort, options)).rejects.toMatchObject({ code: 'badarg' });
  });

  test('are no business of ours: nobody is connected to us because others are', async () => {
    const third = await startErlang({ epmdPort: e.epmdPort, cookie: e.cookie });
    try {
      expect(await third.eval(`net_adm:ping('${e.name}').`)).toBe('pong');
      await until(async () => (await third.eval('length(nodes()).')) === '2', 'the mesh of the visible nodes');
      expect(await third.eval('nodes(hidden).')).toBe('[]');
      expect(ts.node.nodes('connected').sort()).toEqual([e.name, other.name].sort());
    } finally {
      await third.kill();
    }
    await until(async () => (await erl('length(nodes())')) === '1', 'the end of the third');
    expect(await erl(`{nodes(), nodes(hidden)}`)).toBe(`{['${other.name}'],['${ts.name}']}`);
    expect(await ts.node.ping(other.name)).toBe('pong');
  });

  test('stay as they are when they lose us: no partition is seen', async () => {
    await other.eval(`erlang:monitor_node('${e.name}', true).`);
    for (const drop of [
      () => e.eval(`erlang:disconnect_node('${ts.name}').`),
      async () => ts.node.disconnect(e.name),
    ]) {
      await drop();
      await until(() => !ts.node.nodes('connected').includes(e.name), 'the end of the connection');
      await until(async () => (await erl('nodes(hidden)')) === '[]', 'its end there');
      expect(ts.node.nodes('connected')).toEqual([other.name]);
      expect(await erl('net_adm:ping(N)')).toBe('pong');
    }
    expect(await erl('nodes()')).toBe(`['${other.name}']`);
    expect(await other.eval(`receive {nodedown, _} -> lost after 0 -> kept end.`)).toBe('kept');
  });
});

describe('global', () => {
  test('works among the visible nodes as if we were not there', async () => {
    expect(await erl('{global:sync(), global:register_name(theirs, self())}')).toBe('{ok,yes}');
    expect(await other.eval(`node(global:whereis_name(theirs)).`)).toBe(`'${e.name}'`);
    expect(await erl('global:trans({lock, self()}, fun() -> held end, [node() | nodes()], 3)')).toBe('held');
    // Asked by name, ours does not answer for want of a process: what waits for it is told at once.
    expect(await erl('catch gen_server:call({global_name_server, N}, get_known, 5000)')).toMatch(/^\{'EXIT',\{noproc,/);
    expect(await erl('global:unregister_name(theirs)')).toBe('ok');
  });

  test('knows a process of ours by register_name_external, for all nodes, until it ends', async () => {
    const ours = ts.node.spawnMailbox();
    const call = (name: string, ...args: Term[]) => ts.node.rpc(e.name, 'global', name, args);
    expect(await call('register_name_external', atom('of_ours'), ours.pid)).toBe(atom('yes'));
    expect(await call('whereis_name', atom('of_ours'))).toEqual(ours.pid);
    expect(await other.eval('global:whereis_name(of_ours) ! found, node(global:whereis_name(of_ours)).')).toBe(
      `'${ts.name}'`,
    );
    expect(await ours.receive({ timeout: 5000 })).toBe(atom('found'));
    expect(await call('register_name_external', atom('of_ours'), me.pid)).toBe(atom('no'));
    ours.exit();
    await until(async () => (await call('whereis_name', atom('of_ours'))) === undefined, 'the name to be free');
    expect(await call('register_name_external', atom('of_ours'), me.pid)).toBe(atom('yes'));
    expect(await call('unregister_name_external', atom('of_ours'))).toBe(atom('ok'));
  });

  test.each([
    ['gen_server:cast({global_name_server, N}, {init_connect, {8, 1}, node(), {locker, no_longer_a_pid, [], self()}})'],
    [
      '{global_name_server, N} ! {init_connect_ack, node(), 1, 2}, {global_name_server, N} ! {lost_connection, node(), 1, 1, node()}',
    ],
    ['{global_name_server, N} ! {remove_connection, node()}, {global_group, N} ! {nodeup, node()}'],
    ['gen_server:cast({global_name_server, N}, {exchange, node(), [{x, self(), {global, random_exit_name}}], [], 1})'],
  ])('what it sends to visible nodes does us no harm: %s', async (code) => {
    await erl(code);
    expect(await erl('net_adm:ping(N)')).toBe('pong');
    expect(ts.node.nodes('connected').sort()).toEqual([e.name, other.name].sort());
  });
});

/** A process of ours that speaks what pg speaks, in the way of OTP 23 to 28, which 29 understands. */
function scopeOf(members: readonly Pid[], scopeName = 'pg', group = 'group'): Process {
  const self = ts.node.spawnMailbox({ name: scopeName });
  const peer = { name: scopeName, node: e.name };
  self.send(peer, tuple(atom('discover'), self.pid));
  self.cast(peer, tuple(atom('sync'), self.pid, [tuple(atom(group), [...members])]));
  return self;
}

describe('pg', () => {
  const START = 'case pg:start(pg) of {ok, Pg} -> Pg; {error, {already_started, Pg}} -> Pg end';
  const word = (message: Term): string => (message instanceof Tuple ? String((message.at(0) as Atom).text) : '');

  test('takes nobody of ours by itself, and what it sends does no harm', async () => {
    await erl(START);
    expect(await erl('pg:join(group, self())')).toBe('ok');
    await erl(
      '{pg, N} ! {discover, whereis(pg)}, {pg, N} ! {discover, whereis(pg), 1}, gen_server:cast({pg, N}, {sync, whereis(pg), [{group, [self()]}]})',
    );
    await erl('{pg, N} ! {join, whereis(pg), group, self()}, {pg, N} ! {leave, whereis(pg), self(), [group]}');
    expect(await erl('net_adm:ping(N)')).toBe('pong');
    expect(await erl('pg:get_members(group) =:= [self()]')).toBe('true');
  });

  test('a process of ours that speaks it is a full peer: members both ways, changes, our end', async () => {
    await erl(`${START}, ok = pg:join(group, self())`);
    const ours = scopeOf([me.pid]);
    await until(async () => (await erl('length(pg:get_members(group))')) === '2', 'our member to be known');
    expect(await erl('[node(P) || P <- pg:get_members(group), node(P) =/= node()]')).toBe(`['${ts.name}']`);
    expect(await erl('[P ! hello || P <- pg:get_members(group), node(P) =/= node()]')).toBe('[hello]');
    expect(await received()).toBe('hello');
    // Its members, then every change.
    const sync = (await ours.receive((m) => m instanceof Tuple && word(m) === '$gen_cast', { timeout: 5000 })) as Tuple;
    expect(format((sync.at(1) as Tuple).at(2))).toMatch(/^\[\{group,\[<\d+\.\d+\.\d+>\]\}\]$/);
    await erl('ok = pg:join(second, self()), ok = pg:leave(second, self())');
    const change = (wanted: string) => ours.receive((m) => word(m) === wanted, { timeout: 5000 }) as Promise<Tuple>;
    expect((await change('join')).at(2)).toBe(atom('second'));
    expect((await change('leave')).at(3)).toEqual([atom('second')]);
    // Our changes.
    ours.send({ name: 'pg', node: e.name }, tuple(atom('join'), ours.pid, atom('third'), me.pid));
    await until(async () => (await erl('length(pg:get_members(third))')) === '1', 'our member of another group');
    ours.exit();
    await until(async () => (await erl('length(pg:get_members(group))')) === '1', 'our members to be gone');
    expect(await erl('pg:get_members(third)')).toBe('[]');
  });

  test('and again after the connection was lost', async () => {
    await erl(START);
    const ours = scopeOf([me.pid]);
    await until(async () => (await erl('length(pg:get_members(group))')) === '1', 'our member to be known');
    ts.node.disconnect(e.name);
    await until(async () => (await erl('pg:get_members(group)')) === '[]', 'our member to be gone');
    ours.exit();
    const again = scopeOf([me.pid]);
    await until(async () => (await erl('length(pg:get_members(group))')) === '1', 'our member to be known again');
    again.exit();
  });
});

describe('group leader and logger', () => {
  test('what is printed on our behalf comes to the group leader that we choose, and reads what that says', async () => {
    const leader = ts.node.spawnMailbox();
    const requests: string[] = [];
    const serving = (async () => {
      for await (const message of leader) {
        if (!(message instanceof Tuple) || (message.at(0) as Atom).text !== 'io_request') continue;
        const [, from, replyAs, request] = message.elements as readonly [Term, Pid, Term, Term];
        const [what, , ...rest] = (request instanceof Tuple ? request.elements : [request]) as readonly [
          Atom,
          ...Term[],
        ];
        let answer: Term = tuple(atom('error'), atom('request'));
        if (what.text === 'put_chars' && rest.length === 3) {
          // io:format leaves the formatting to the group leader: the node that asked can do it.
          const [module, name, args] = rest as [Atom, Atom, Term[]];
          requests.push(
            String(
              await ts.node.rpc(from.node, 'unicode', 'characters_to_binary', [
                await ts.node.rpc(from.node, module, name, args),
              ]),
            ),
          );
          answer = atom('ok');
        } else if (what.text === 'put_chars') {
          requests.push(String(rest[0]));
          answer = atom('ok');
        } else if (what.text === 'get_line') answer = charlist('typed\n');
        leader.send(from, tuple(atom('io_reply'), replyAs, answer));
      }
    })();
    const asking = ts.node.spawnMailbox({ groupLeader: leader.pid });
    const run = async (module: string, name: string, args: readonly Term[]) => {
      const { ref } = await asking.spawnRequest(
        e.name,
        'erpc',
        'execute_call',
        [ts.node.name, atom(module), atom(name), args],
        { monitor: true },
      );
      const down = (await asking.receive((m) => m instanceof Tuple && ref.equals(m.at(1)), { timeout: 5000 })) as Tuple;
      return format((down.at(4) as Tuple).at(2));
    };
    expect(await run('io', 'format', [charlist('~p and ~ts~n'), [tuple(atom('a'), 1), charlist('ä')]])).toBe('ok');
    expect(await run('io', 'put_chars', ['plain'])).toBe('ok');
    expect(requests).toEqual(['{a,1} and ä\n', 'plain']);
    expect(await run('io', 'get_line', [charlist('> ')])).toBe('"typed\\n"');
    expect(await run('io', 'rows', [])).toBe('{error,enotsup}');
    expect(await run('io', 'request', [leader.pid, atom('nonsense')])).toBe('{error,request}');
    leader.exit();
    await serving;
  });

  test('the one that we have by default prints nowhere, reads the end, and knows what it does not know', async () => {
    const ask = (request: string) =>
      erl(
        `{user, N} ! {io_request, self(), tag, ${request}}, (fun() -> receive {io_reply, tag, A} -> A after 5000 -> none end end)()`,
      );
    expect(await ask('{put_chars, unicode, io_lib, format, ["~p", [x]]}')).toBe('ok');
    expect(await ask('{get_line, unicode, "> "}')).toBe('eof');
    expect(await ask('{requests, [{put_chars, unicode, "a"}, {get_line, unicode, ""}]}')).toBe('eof');
    expect(await ask('{nonsense, 1}')).toBe('{error,request}');
    expect(await ask('nonsense')).toBe('{error,request}');
  });

  test('log events of processes that we lead come to logger_proxy of ours, if there is one', async () => {
    const log = (text: string) => ts.node.rpc(e.name, 'logger', 'log', [atom('error'), charlist(`${text} ~p`), [1]]);
    expect(await log('nobody listens')).toBe(atom('ok'));
    me.register('logger_proxy');
    expect(await log('somebody does')).toBe(atom('ok'));
    // What nobody listened to may still be on its way.
    const wanted = (m: Term): boolean => m instanceof Tuple && format(m).includes('somebody does');
    const event = (await me.receive(wanted, { timeout: 5000 })) as Tuple;
    expect(format(tuple(...event.elements.slice(0, 4)))).toBe('{log,error,"somebody does ~p",[1]}');
    expect(event.at(4)).toBeInstanceOf(Map);
    // And a crash: the runtime's own text.
    ts.node.erpcCast(e.name, 'erlang', 'apply', [atom('erlang'), atom('error'), [atom('boom')]]);
    expect(format(await me.receive((m) => format(m).includes('boom'), { timeout: 5000 }))).toContain('boom');
  });
});

describe('shells and tools', () => {
  /** A program of OTP's, its output, and its end. */
  async function run(
    command: string,
    args: readonly string[],
    input = '',
  ): Promise<{ text: string; code: number | null }> {
    const child = spawn(command, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
      env: { ...process.env, ERL_EPMD_PORT: String(e.epmdPort), HOME: '/nonexistent', TERM: 'dumb' },
    });
    const exited = guard(child);
    const late = setTimeout(() => signalGroup(child, 'SIGKILL'), 8000);
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (more: string) => {
        text += more;
      });
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    const closed = once(child, 'close');
    const { code } = await exited;
    clearTimeout(late);
    await closed;
    return { text, code };
  }

  test('erl -remsh: it says that there is no shell to load, and ends; nothing happens to us', async () => {
    const [command, ...first] = otpCommand('erl');
    const name = `sh_${e.name.slice(2)}`;
    const args = ['-name', name, '-hidden', '-start_epmd', 'false', '-setcookie', e.cookie, '-remsh', ts.name];
    // Before OTP 26 there is no remote shell without a terminal; it starts the shell there, as this does.
    if (Number(e.release) < 26) {
      expect(
        await erl(
          "process_flag(trap_exit, true), P = spawn_link(N, shell, start, []), receive {'EXIT', P, W} -> W after 5000 -> none end",
        ),
      ).toBe('{undef,[{shell,start,[],[]}]}');
    } else {
      const { text } = await run(command, [...first, ...args], '1 + 1.\n');
      expect(text).toMatch(/^Could not load .* \(nofile\)\s*$/);
    }
    expect(await erl('net_adm:ping(N)')).toBe('pong');
  });

  test('erl_call: what is exposed is called, what is not is undef', async () => {
    ts.node.expose('ours', { add: (a: number, b: number) => a + b });
    const [path] = JSON.parse(
      await erl(
        'filelib:wildcard(filename:join([code:root_dir(), "erts-" ++ erlang:system_info(version), "bin", "erl_call"]))',
      ),
    ) as [string];
    const call = (what: string) => run(path, ['-c', e.cookie, '-name', ts.name, '-a', what]);
    expect(await call('ours add [1,2]')).toMatchObject({ text: '3', code: 0 });
    expect((await call('erlang node')).text).toBe("{badrpc, {'EXIT', {undef, [{erlang, node, [], []}]}}}");
    expect(await erl('net_adm:ping(N)')).toBe('pong');
  });

  test('observer and its like: undef, at once', async () => {
    for (const [module, name, args] of [
      ['observer_backend', 'sys_info', '[]'],
      ['erlang', 'node', '[]'],
      ['shell', 'start', '[]'],
    ])
      expect(await erl(`rpc:call(N, ${module}, ${name}, ${args})`)).toMatch(
        new RegExp(`^\\{badrpc,\\{'EXIT',\\{undef,\\[\\{${module},${name},`),
      );
    expect(
      await erl(
        "process_flag(trap_exit, true), P = spawn_link(N, observer_backend, procs_info, [self()]), receive {'EXIT', P, W} -> element(1, W) after 5000 -> none end",
      ),
    ).toBe('undef');
  });

  test("what Elixir's GenServer.call and Phoenix.PubSub.broadcast send", async () => {
    const server = ts.node.spawn(genServer({ handleCall: (request) => tuple(atom('heard'), request) }), {
      name: 'Elixir.Counter',
    });
    expect(await erl('gen_server:call({\'Elixir.Counter\', N}, {get, <<"key">>})')).toBe('{heard,{get,<<"key">>}}');
    me.exit(server, atom('kill'));
    // A broadcast is a message to every member of a group of pg, in a scope of Phoenix's own.
    await erl("pg:start('Elixir.Phoenix.PubSub')");
    const members = "pg:get_members('Elixir.Phoenix.PubSub', 'Elixir.MyApp.PubSub.Adapter')";
    const ours = scopeOf([me.pid], 'Elixir.Phoenix.PubSub', 'Elixir.MyApp.PubSub.Adapter');
    await until(async () => (await erl(`length(${members})`)) === '1', 'our member to be known');
    await erl(`[P ! {forward_to_local, <<"topic">>, #{a => 1}, 'Elixir.Phoenix.PubSub'} || P <- ${members}]`);
    expect(await received()).toBe(`{forward_to_local,<<"topic">>,#{a => 1},'Elixir.Phoenix.PubSub'}`);
    ours.exit();
  });
});
