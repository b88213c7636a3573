// Processes of ours and of a BEAM: messages, links, monitors, exits and aliases in both directions
// (protocol section 8, lines 51 to 66 and 72). What Erlang prints is the oracle.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Process } from '../../src/process/process.js';
import { atom } from '../../src/term/atom.js';
import { format } from '../../src/term/format.js';
import { Pid, Reference } from '../../src/term/identifiers.js';
import type { Term } from '../../src/term/term.js';
import { Tuple, tuple } from '../../src/term/tuple.js';
import { type Erlang, startErlang } from '../support/erlang.js';
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

/** The next message, as Erlang would print it, `<pid>` and `<ref>` for what has no fixed text. */
async function heard(): Promise<string> {
  return format(
    tuple(
      ...(await received()).map((each) =>
        each instanceof Reference ? atom('ref') : each instanceof Pid ? atom('pid') : each,
      ),
    ),
  );
}

const erl = (code: string): Promise<string> => pair.erl(code);

const ours = (name: string) => `{'${name}', N}`;

describe('messages', () => {
  test('to a name, a pid and an alias, in order per sender', async () => {
    me.send(shell, tuple(atom('pid'), me.pid));
    await erl('Ours = receive {pid, P0} -> P0 after 5000 -> none end');
    me.send(shell, tuple(atom('alias'), me.alias()));
    await erl('Alias = receive {alias, A0} -> A0 after 5000 -> none end');
    await erl(`[begin ${ours('me')} ! {name, I}, Ours ! {pid, I}, Alias ! {alias, I} end || I <- lists:seq(1, 100)]`);
    for (let i = 1; i <= 100; i++) {
      expect([await heard(), await heard(), await heard()]).toEqual([`{name,${i}}`, `{pid,${i}}`, `{alias,${i}}`]);
    }
    await erl('{nobody, N} ! dropped, Ours ! last');
    expect(await heard()).toBe('{last}');
  });

  test('to an Erlang name and an Erlang alias', async () => {
    await erl('register(shell, self()), {me, N} ! {alias, alias([reply])}');
    const alias = (await received())[1] as Reference;
    me.send({ name: 'shell', node: e.name }, 1);
    me.send(shell, 2);
    me.send(alias, 3);
    me.send(alias, 4);
    me.send(shell, 5);
    expect(await erl('[receive M -> M after 5000 -> none end || _ <- lists:seq(1, 4)]')).toBe('[1,2,3,5]');
  });

  test('to an alias that was taken back: dropped', async () => {
    const alias = me.alias();
    me.send(shell, alias);
    await erl('Gone = receive G -> G after 5000 -> none end, Gone ! first');
    expect(await heard()).toBe('{first}');
    me.unalias(alias);
    await erl(`Gone ! second, ${ours('me')} ! third`);
    expect(await heard()).toBe('{third}');
  });

  test('to a pid of an earlier life of ours: dropped, and noproc', async () => {
    const old = new Pid(me.pid.nodeAtom, me.pid.id, me.pid.serial, me.pid.creation - 1);
    me.send(shell, old);
    await erl('Old = receive O -> O after 5000 -> none end, Old ! lost');
    expect(await erl('{_, W1} = Wait(monitor(process, Old)), W1')).toBe('noproc');
    expect(
      await erl('process_flag(trap_exit, true), link(Old), receive {_, Old, W2} -> W2 after 5000 -> none end'),
    ).toBe('noproc');
    expect(me.messageQueueLength).toBe(0);
  });
});

describe('an Erlang process watches ours', () => {
  /** Ours ends in some way; what DOWN and EXIT say in Erlang. */
  async function told(run: (self: Process) => unknown): Promise<string[]> {
    const child = ts.node.spawn(
      async (self) => {
        await self.receive();
        return run(self);
      },
      { name: 'watched' },
    );
    me.send(shell, child);
    await erl('process_flag(trap_exit, true), C = receive C0 -> C0 after 5000 -> none end');
    await erl(`link(C), R1 = monitor(process, C), R2 = monitor(process, ${ours('watched')}), C ! go`);
    const exit = await erl("receive {'EXIT', C, X} -> X after 5000 -> none end");
    const down = await erl('{C, Y} = Wait(R1), Y');
    const byName = await erl('{{watched, N}, Z} = Wait(R2), Z');
    return [exit, down, byName];
  }

  test.each([
    ['return', () => 'x', 'normal'],
    ['exit(term)', (self: Process) => self.exit(tuple(atom('because'), [1, 2.5, 'x'])), '{because,[1,2.5,<<"x">>]}'],
    ['exit(kill)', (self: Process) => self.exit(atom('kill')), 'kill'],
    ['exit/2 kill', (self: Process) => self.exit(self.pid, atom('kill')), 'killed'],
  ])('%s', async (_how, run, reason) => {
    expect(await told(run)).toEqual([reason, reason, reason]);
  });

  test('a crash: {{js_error, Name, Message}, Stack}, a stack that Erlang can print', async () => {
    const [exit, ...others] = await told(() => {
      throw new RangeError('out of it');
    });
    expect(exit).toMatch(/^\{\{js_error,<<"RangeError">>,<<"out of it">>\},\[\{js,.*\[\{file,".*processes\.interop/);
    expect(others).toEqual([exit, exit]);
    const reports = ts.log.filter(({ message }) => message === 'process crashed');
    expect(reports).toMatchObject([{ error: 'RangeError: out of it' }]);
    expect(reports[0]?.['stack']).toEqual(expect.arrayContaining([expect.stringMatching(/^at .*processes\.interop/)]));
  });

  test('a thrown value', async () => {
    expect((await told(() => Promise.reject(tuple(atom('oops'), 1))))[0]).toBe('{{nocatch,{oops,1}},[]}');
  });

  test('a reason without an Erlang form: the end is told all the same', async () => {
    expect(await told((self) => self.exit([Symbol('s')] as never))).toEqual(Array(3).fill('not_encodable'));
  });

  test('nobody there: noproc, with the object as it was given', async () => {
    expect(await erl(`Wait(monitor(process, ${ours('nobody')}))`)).toBe(`{{nobody,'${ts.name}'},noproc}`);
  });

  test('by name: stays with the process that had it', async () => {
    const first = ts.node.spawnMailbox({ name: 'moving' });
    await erl(`R = monitor(process, ${ours('moving')}), pong = net_adm:ping(N)`);
    first.unregister('moving');
    ts.node.spawnMailbox({ name: 'moving' }).exit('second');
    first.exit('first');
    expect(await erl('Wait(R)')).toBe(`{{moving,'${ts.name}'},<<"first">>}`);
  });

  test('demonitor and unlink: nothing comes, nothing stays', async () => {
    const child = ts.node.spawnMailbox();
    me.send(shell, child.pid);
    await erl('process_flag(trap_exit, true), C = receive C0 -> C0 after 5000 -> none end');
    await erl(`link(C), R = monitor(process, C), demonitor(R), unlink(C), pong = net_adm:ping(N)`);
    expect([child.relations.links.size, child.relations.watchers.size]).toEqual([0, 0]);
    child.exit('unseen');
    me.send(shell, 'last');
    expect(await erl('receive M -> M after 5000 -> none end')).toBe('<<"last">>');
  });
});

describe('ours watch an Erlang process', () => {
  const waiting = 'receive stop -> ok; {stop, Why} -> exit(Why); boom -> 1 / (self() == x) end';
  let theirs: Pid;

  beforeEach(async () => {
    await erl(`{me, N} ! {pid, spawn(fun() -> ${waiting} end)}`);
    theirs = (await received())[1] as Pid;
  });

  test.each([
    ['normal', atom('stop') as Term, atom('normal')],
    ['a term', tuple(atom('stop'), tuple(1, [2])), tuple(1, [2])],
    ['kill is only a reason', tuple(atom('stop'), atom('kill')), atom('kill')],
  ])('%s', async (_name, order, reason) => {
    me.trapExit = true;
    me.link(theirs);
    const ref = me.monitor(theirs);
    me.send(theirs, order);
    const both = [await me.receive({ timeout: 5000 }), await me.receive({ timeout: 5000 })];
    expect(both).toContainEqual(tuple(atom('EXIT'), theirs, reason));
    expect(both).toContainEqual(tuple(atom('DOWN'), ref, atom('process'), theirs, reason));
  });

  test('an Erlang crash', async () => {
    me.monitor(theirs);
    me.send(theirs, atom('boom'));
    expect((await received())[4]).toMatchObject({ elements: [atom('badarith'), expect.any(Array)] });
  });

  test('not trapping: a link ends us with the same reason, normal does not', async () => {
    const child = ts.node.spawnMailbox();
    child.link(theirs);
    const ref = me.monitor(child.pid);
    me.send(theirs, tuple(atom('stop'), atom('together')));
    expect(await me.receive({ timeout: 5000 })).toEqual(
      tuple(atom('DOWN'), ref, atom('process'), child.pid, atom('together')),
    );
    await erl('{me, N} ! {pid, spawn(fun() -> receive stop -> ok end end)}');
    const calm = (await received())[1] as Pid;
    const survivor = ts.node.spawnMailbox();
    survivor.link(calm);
    me.monitor(calm);
    me.send(calm, atom('stop'));
    await received();
    expect([survivor.exited, survivor.relations.links.size]).toEqual([false, 0]);
  });

  test('by name; nobody there; no such node', async () => {
    await erl('{me, N} ! {pid, register(named, spawn(fun() -> receive stop -> ok end end))}');
    await received();
    me.monitor({ name: 'named', node: e.name });
    me.send({ name: 'named', node: e.name }, atom('stop'));
    expect(await heard()).toBe(`{'DOWN',ref,process,{named,'${e.name}'},normal}`);
    me.monitor({ name: 'nobody', node: e.name });
    expect(await heard()).toBe(`{'DOWN',ref,process,{nobody,'${e.name}'},noproc}`);
    me.monitor({ name: 'nobody', node: 'nowhere@127.0.0.1' });
    expect(await heard()).toBe("{'DOWN',ref,process,{nobody,'nowhere@127.0.0.1'},noconnection}");
    me.trapExit = true;
    me.send(theirs, atom('stop'));
    await until(
      async () =>
        (await e
          .eval(`rpc:call(node(), erlang, is_process_alive, [list_to_pid("${theirs}")])`)
          .catch(() => 'false')) === 'false',
      'theirs has ended',
    );
    me.link(theirs);
    expect(await heard()).toBe("{'EXIT',pid,noproc}");
  });

  test('demonitor with flush, unlink', async () => {
    me.trapExit = true;
    const ref = me.monitor(theirs);
    me.link(theirs);
    me.unlink(theirs);
    me.demonitor(ref, { flush: true });
    me.monitor(theirs);
    me.send(theirs, tuple(atom('stop'), atom('seen_once')));
    expect(await heard()).toBe("{'DOWN',ref,process,pid,seen_once}");
    expect([me.messageQueueLength, me.relations.links.size, me.relations.monitors.size]).toEqual([0, 0, 0]);
  });

  test('exit/2 from us: reasons, kill, normal, trapping', async () => {
    me.monitor(theirs);
    me.exit(theirs, atom('normal'));
    me.exit(theirs, tuple(atom('go'), 1));
    expect(await heard()).toBe("{'DOWN',ref,process,pid,{go,1}}");
    await erl(
      '{me, N} ! {pid, spawn(fun() -> process_flag(trap_exit, true), {me, N} ! ready, receive X -> {me, N} ! {trapped, X} end, receive after infinity -> ok end end)}',
    );
    const messages = [await received(), await received()];
    const trapping = messages.flat().find((each) => each instanceof Pid) as Pid;
    me.exit(trapping, atom('normal'));
    expect((await received())[1]).toEqual(tuple(atom('EXIT'), me.pid, atom('normal')));
    me.monitor(trapping);
    me.exit(trapping, atom('kill'));
    expect(await heard()).toBe("{'DOWN',ref,process,pid,killed}");
  });
});

describe('exit/2 from Erlang', () => {
  test.each([
    ['normal', false, 'alive'],
    ['normal', true, "{'EXIT',pid,normal}"],
    ['kill', true, 'killed'],
    ['{some, reason}', false, '{some,reason}'],
    ['{some, reason}', true, "{'EXIT',pid,{some,reason}}"],
  ])('%s, trapping: %s', async (reason, trapExit, expected) => {
    const child = ts.node.spawnMailbox();
    child.trapExit = trapExit;
    me.send(shell, tuple(atom('victim'), child.pid));
    await erl(`receive {victim, V} -> exit(V, ${reason}) after 5000 -> none end, pong = net_adm:ping(N)`);
    if (child.exited) expect(format(child.exitError().reason)).toBe(expected);
    else if (child.messageQueueLength === 0) expect('alive').toBe(expected);
    else {
      const message = (await child.receive()) as Tuple;
      expect(format(tuple(...message.elements.map((each) => (each instanceof Pid ? atom('pid') : each))))).toBe(
        expected,
      );
    }
  });

  test('an EXIT of somebody who is not linked does nothing; system processes are out of reach', async () => {
    const kernel = ts.node.whereis('net_kernel') as Pid;
    me.send(shell, kernel);
    await erl(
      'K = receive K0 -> K0 after 5000 -> none end, exit(K, kill), exit(K, boom), link(K), K ! garbage, {rex, N} ! {garbage}',
    );
    expect(await erl('net_adm:ping(N)')).toBe('pong');
    expect(await erl('net_adm:ping(N)')).toBe('pong');
    expect(ts.node.whereis('net_kernel')).toBe(kernel);
  });
});

describe('a node that goes', () => {
  test('a killed BEAM: noconnection for links, monitors, calls and spawn requests', async () => {
    const other = await startErlang({ epmdPort: e.epmdPort, cookie: e.cookie });
    const [pid] = (await ts.node.erpc(other.name, 'erlang', 'processes', [])) as Pid[];
    await other.eval('register(sink, spawn(fun() -> receive after infinity -> ok end end))');
    me.trapExit = true;
    const sink = { name: 'sink', node: other.name };
    me.link((await ts.node.erpc(other.name, 'erlang', 'whereis', [atom('sink')])) as Pid);
    const [one, two] = [me.monitor(pid as Pid), me.monitor(sink)];
    const call = me.call(sink, 1, { timeout: Number.POSITIVE_INFINITY });
    const running = ts.node.erpc(other.name, 'timer', 'sleep', [atom('infinity')]);
    await until(() => me.relations.monitors.size === 3, 'the call is under way');
    expect(await ts.node.ping(other.name)).toBe('pong');
    await other.kill();
    const noconnection = atom('noconnection');
    const lost = [];
    for (let i = 0; i < 3; i++) lost.push(await me.receive({ timeout: 5000 }));
    expect(lost).toContainEqual(tuple(atom('EXIT'), expect.any(Pid), noconnection));
    expect(lost).toContainEqual(tuple(atom('DOWN'), one, atom('process'), pid, noconnection));
    expect(lost).toContainEqual(
      tuple(atom('DOWN'), two, atom('process'), tuple(atom('sink'), atom(other.name)), noconnection),
    );
    await expect(call).rejects.toMatchObject({ code: 'nodedown', reason: tuple(atom('nodedown'), atom(other.name)) });
    await expect(running).rejects.toMatchObject({ code: 'noconnection' });
    expect([me.relations.links.size, me.relations.monitors.size, me.messageQueueLength]).toEqual([0, 0, 0]);
  });

  test('ours, killed: noconnection for links, monitors and calls in Erlang', async () => {
    const root = fileURLToPath(new URL('../..', import.meta.url));
    const script = `
      import { startNode, genServer, NO_REPLY } from '${root}lib/index.js';
      import { epmd } from '${root}lib/discovery/index.js';
      const node = await startNode('doomed@127.0.0.1', { cookie: '${e.cookie}', discovery: epmd({ port: ${e.epmdPort} }) });
      node.spawn(genServer({ handleCall: () => NO_REPLY, handleInfo: ([from, what], self) => self.send(from, self.pid) }), { name: 'server' });
      process.stdout.write('up');`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    await erl(
      "process_flag(trap_exit, true), D = 'doomed@127.0.0.1', {server, D} ! {self(), who}, S = receive S0 -> S0 after 5000 -> none end",
    );
    await erl('link(S), M1 = monitor(process, S), M2 = monitor(process, {server, D}), Top = self()');
    await erl(
      'spawn(fun() -> Top ! {called, catch gen_server:call({server, D}, x, infinity)} end), pong = net_adm:ping(D)',
    );
    child.kill('SIGKILL');
    expect(await erl("receive {'EXIT', S, X1} -> X1 after 5000 -> none end")).toBe('noconnection');
    expect(await erl('[element(2, Wait(M)) || M <- [M1, M2]]')).toBe('[noconnection,noconnection]');
    expect(await erl("receive {called, {'EXIT', {X2, _}}} -> X2 after 5000 -> none end")).toBe(
      "{nodedown,'doomed@127.0.0.1'}",
    );
  });
});

test('ten thousand links and unlinks from both sides end consistent', async () => {
  const partner = ts.node.spawnMailbox();
  partner.trapExit = true;
  await erl('{me, N} ! {hello, self()}');
  const top = (await received())[1] as Pid;
  me.send(top, tuple(atom('partner'), partner.pid));
  await erl('Pa = receive {partner, Pa0} -> Pa0 after 5000 -> none end, process_flag(trap_exit, true)');
  const theirs = erl(
    '[begin link(Pa), erlang:yield(), unlink(Pa) end || _ <- lists:seq(1, 5000)], unlink(Pa), pong = net_adm:ping(N)',
  );
  for (let i = 0; i < 5000; i++) {
    partner.link(top);
    if (i % 50 === 0) await new Promise(setImmediate);
    partner.unlink(top);
  }
  expect(await theirs).toBe('pong');
  await until(() => partner.relations.links.size === 0, 'all unlinks are acknowledged');
  // The UNLINK of OTP 23 is never acknowledged: one that crosses a LINK can leave a link on one side, as between BEAMs.
  if (Number(e.release) < 24) await erl('unlink(Pa)');
  expect(await erl('lists:member(Pa, element(2, process_info(self(), links)))')).toBe('false');
  expect(partner.messageQueueLength).toBe(0);
});
