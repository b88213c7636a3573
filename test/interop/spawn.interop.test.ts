// Processes that one node starts on the other, with links, monitors and group leaders (protocol section 8, lines 67 to
// 71). What Erlang prints is the oracle.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ExitError } from '../../src/errors.js';
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
let me: Process;
/** The Erlang process that evaluates. */
let shell: Pid;
let pair: Pair;

beforeAll(async () => {
  pair = await startPair();
  ({ e, ts } = pair);
  ts.node.expose('ours', {
    wait: () => new Promise(() => {}),
    end: (reason: Term) => Promise.reject(new ExitError('exit', 'asked to', reason)),
    crash: () => Promise.reject(new TypeError('bad thing')),
  });
});

afterAll(() => pair?.stop());

beforeEach(async () => {
  ({ me, shell } = await pair.meet());
  return () => me.exit();
});

async function received(): Promise<readonly Term[]> {
  const message = await me.receive({ timeout: 5000 });
  return message instanceof Tuple ? message.elements : [message];
}

const erl = (code: string): Promise<string> => pair.erl(code);

describe('Erlang spawns on our node', () => {
  beforeEach(async () => {
    await erl('process_flag(trap_exit, true)');
  });

  test('spawn, spawn_link, spawn_monitor, spawn_opt', async () => {
    expect(await erl('P1 = spawn(N, ours, wait, []), {node(P1) == N, exit(P1, kill)}')).toBe('{true,true}');
    expect(
      await erl("P2 = spawn_link(N, ours, 'end', [why]), receive {'EXIT', P2, W2} -> W2 after 5000 -> none end"),
    ).toBe('why');
    expect(await erl("{P3, R3} = spawn_monitor(N, ours, 'end', [{a, b}]), {P3, W3} = Wait(R3), W3")).toBe('{a,b}');
    expect(
      await erl(
        "{P4, R4} = spawn_opt(N, ours, 'end', [x], [link, monitor, {priority, high}]), receive {'EXIT', P4, x} -> Wait(R4) == {P4, x} after 5000 -> none end",
      ),
    ).toBe('true');
    expect(
      await erl('{P5, R5} = spawn_monitor(N, ours, crash, []), {P5, {{js_error, W5, _}, [_ | _]}} = Wait(R5), W5'),
    ).toBe('<<"TypeError">>');
  });

  test('spawn_request: the reply precedes EXIT and DOWN', async () => {
    expect(
      await erl(
        "Q = spawn_request(N, ours, 'end', [r], [link, monitor, {reply_tag, tagged}]), [receive {tagged, Q, ok, P} -> reply; {'EXIT', P, r} -> exit; {'DOWN', Q, process, P, r} -> down after 5000 -> none end || _ <- [1, 2, 3]]",
      ),
    ).toMatch(/^\[reply,(exit,down|down,exit)\]$/);
    expect(
      await erl(
        'Q2 = spawn_request(N, ours, wait, [], [{reply, error_only}]), receive {spawn_reply, Q2, _, _} -> reply after 100 -> none end',
      ),
    ).toBe('none');
  });

  test('what is not exposed: a process that ends with undef', async () => {
    expect(await erl('{P, R} = spawn_monitor(N, os, cmd, ["id"]), {P, W} = Wait(R), W')).toBe(
      '{undef,[{os,cmd,["id"],[]}]}',
    );
    expect(
      await erl('{P1, R1} = spawn_monitor(N, erlang, apply, [fun() -> ok end, []]), {P1, {W1, _}} = Wait(R1), W1'),
    ).toBe('undef');
  });

  test('a parent that ends takes its linked children along', async () => {
    await erl('spawn(fun() -> register(child, spawn_link(N, ours, wait, [])) end)').catch(() => {});
    await erl(
      '{Parent, _} = spawn_monitor(fun() -> P = spawn_link(N, ours, wait, []), {me, N} ! {child, P}, receive after infinity -> ok end end)',
    );
    const child = (await received())[1] as Pid;
    const ref = me.monitor(child);
    await erl('exit(Parent, {parent, gone})');
    expect(await me.receive({ timeout: 5000 })).toEqual(
      tuple(atom('DOWN'), ref, atom('process'), child, tuple(atom('parent'), atom('gone'))),
    );
  });

  test('group_leader: of a spawned process, and set from outside', async () => {
    const leaders: Pid[] = [];
    ts.node.spawn(
      async (self) => {
        for await (const _message of self) leaders.push(self.groupLeader);
      },
      { name: 'led' },
    );
    me.send(shell, 'ignored');
    const led = ts.node.whereis('led') as Pid;
    await erl('{me, N} ! {hello, self()}');
    const top = (await received())[1] as Pid;
    me.send(top, led);
    expect(
      await erl(
        'Led = receive L when is_pid(L) -> L after 5000 -> none end, group_leader(self(), Led), Led ! show, pong = net_adm:ping(N)',
      ),
    ).toBe('pong');
    await until(() => leaders.length === 1, 'the leader was shown');
    expect(leaders[0]?.equals(top)).toBe(true);
  });
});

describe('ours spawn in Erlang', () => {
  test('with link and monitor: pid, EXIT, DOWN', async () => {
    me.trapExit = true;
    const { pid, ref } = await me.spawnRequest(e.name, 'erlang', 'exit', [tuple(1)], { link: true, monitor: true });
    expect(pid.node).toBe(e.name);
    const both = [await me.receive({ timeout: 5000 }), await me.receive({ timeout: 5000 })];
    expect(both).toEqual([
      tuple(atom('EXIT'), pid, tuple(1)),
      tuple(atom('DOWN'), ref, atom('process'), pid, tuple(1)),
    ]);
  });

  test('the process has our group leader; exit reaches it', async () => {
    me.groupLeader = shell;
    const { pid, ref } = await me.spawnRequest(e.name, 'timer', 'sleep', [atom('infinity')], { monitor: true });
    const info = (await ts.node.rpc(e.name, 'erlang', 'process_info', [pid, atom('group_leader')])) as Tuple;
    expect((info.elements[1] as Pid).equals(shell)).toBe(true);
    me.setGroupLeader(pid, pid);
    me.exit(pid, atom('kill'));
    expect(await me.receive({ timeout: 5000 })).toEqual(tuple(atom('DOWN'), ref, atom('process'), pid, atom('killed')));
  });

  test('undef, no such node, and a function that is none', async () => {
    const { ref } = await me.spawnRequest(e.name, 'no_such', 'thing', [], { monitor: true });
    expect((await received()).slice(0, 2)).toEqual([atom('DOWN'), ref]);
    await expect(me.spawnRequest('nowhere@127.0.0.1', 'a', 'b', [])).rejects.toMatchObject({ code: 'noconnection' });
    await expect(me.spawnRequest('nonsense', 'a', 'b', [])).rejects.toMatchObject({ code: 'badarg' });
  });

  test('a parent that has ended: the child gets its exit', async () => {
    const parent = ts.node.spawnMailbox();
    const asked = parent.spawnRequest(e.name, 'timer', 'sleep', [424_242], { link: true, monitor: true });
    parent.exit(atom('gone'));
    await expect(asked).rejects.toMatchObject({ reason: atom('gone') });
    const sleepers =
      'length([P || P <- processes(), {timer, sleep, 1} == element(2, process_info(P, current_function))])';
    await until(async () => (await erl(sleepers).catch(() => '?')) === '0', 'no child is left');
  });
});
