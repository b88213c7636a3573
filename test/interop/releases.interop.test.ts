// What not every release has, or does alike: the digest bit (25), the old name message (23), native records (29); and the
// rest of protocol section 8 that needs a BEAM of its own (lines 23, 25, 28, 44, 47, 66, 70, 74, 87).
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { staticNodes } from '../../src/discovery/index.js';
import { ANNOUNCED_FLAGS, DFLAG } from '../../src/dist/flags.js';
import { encode } from '../../src/etf/encode.js';
import type { Process } from '../../src/process/process.js';
import { atom } from '../../src/term/atom.js';
import { format } from '../../src/term/format.js';
import { type Pid, pid, reference } from '../../src/term/identifiers.js';
import { NativeRecord } from '../../src/term/record.js';
import type { Term } from '../../src/term/term.js';
import { type Tuple, tuple } from '../../src/term/tuple.js';
import { guard, signalGroup } from '../support/child.js';
import { type Erlang, startErlang } from '../support/erlang.js';
import { freePort } from '../support/free-port.js';
import { startTestNode, type TestNode, until } from '../support/ts-node.js';
import { overheard } from '../support/wire.js';
import { identity, reach } from './bare-peer.js';
import { type Pair, startPair } from './pair.js';

let e: Erlang;
let ts: TestNode;
let me: Process;
let shell: Pid;
let pair: Pair;
let release: number;
/** How often somebody has begun to wait here. */
let waiting = 0;
/** What has come over our connections since a test began. */
let heard: Buffer[] = [];

const erl = (code: string): Promise<string> => pair.erl(code);
const next = (): Promise<Term> => me.receive({ timeout: 5000 });

beforeAll(async () => {
  const transport = overheard((chunk) => {
    heard.push(chunk);
    return [chunk];
  });
  pair = await startPair({ transport, introspection: true });
  ({ e, ts } = pair);
  release = Number(e.release);
  ts.node.expose('ours', {
    wait() {
      waiting++;
      return new Promise(() => {});
    },
  });
  expect(await e.eval('net_adm:ping(N).')).toBe('pong');
});

afterAll(() => pair?.stop());

beforeEach(async () => {
  ({ me, shell } = await pair.meet());
  heard = [];
  return () => me.exit();
});

test('the digest bit and the two flags of OTP 26 are enough, from OTP 25 on', async () => {
  const flags = DFLAG.DFLAG_MANDATORY_25_DIGEST | DFLAG.DFLAG_UNLINK_ID | DFLAG.DFLAG_V4_NC;
  const self = identity(flags);
  if (release < 25) {
    await expect(reach(e, self)).rejects.toMatchObject({ code: 'not_allowed' });
    return;
  }
  const beam = await reach(e, self);
  expect(await erl(`lists:member('${self.node}', nodes(hidden))`)).toBe('true');
  beam.close();
});

test('whoever knows nothing of us by EPMD says the old name message before OTP 25, the new one since', async () => {
  const port = await freePort();
  const old = await startErlang({ epmdPort: await freePort(), args: ['-erl_epmd_port', String(port)] });
  const first: Buffer[] = [];
  const hear = (chunk: Buffer): readonly Buffer[] => {
    first.push(chunk);
    return [chunk];
  };
  const ours = await startTestNode(port, {
    name: 'old@127.0.0.2',
    cookie: old.cookie,
    discovery: staticNodes({ port, env: {} }),
    listen: { host: '127.0.0.2', port },
    transport: overheard(hear),
  });
  try {
    expect(await old.eval(`net_adm:ping('${ours.name}').`)).toBe('pong');
    expect(String.fromCharCode(first[0]?.[2] as number)).toBe(release < 25 ? 'n' : 'N');
    // The complement, which only follows the old one.
    if (release < 25) expect(first[1]?.[2]).toBe('c'.charCodeAt(0));
    expect(ours.node.info(old.name)?.creation).toBe(Number(await old.eval('erlang:system_info(creation).')));
    expect(await old.eval(`P = spawn('${ours.name}', x, y, []), node(P).`)).toBe(`'${ours.name}'`);
  } finally {
    await ours.node.stop();
    await old.stop();
  }
});

test('a second life under the name of one that was stopped: alive, true, and the old connection is gone', async () => {
  const name = 'twice@127.0.0.1';
  const program = fileURLToPath(new URL('../support/killed-node.mjs', import.meta.url));
  const env = { ...process.env, ERL_EPMD_PORT: String(e.epmdPort), COOKIE: e.cookie };
  const child: ChildProcess = spawn(process.execPath, [program, name], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  void guard(child);
  await once(child.stdout as NonNullable<typeof child.stdout>, 'data');
  const said: Buffer[] = [];
  // Its name at EPMD is still the first one's.
  const second = await startTestNode(e.epmdPort, {
    name,
    cookie: e.cookie,
    listen: false,
    transport: overheard((chunk) => {
      said.push(chunk);
      return [chunk];
    }),
  });
  try {
    expect(await erl(`net_adm:ping('${name}')`)).toBe('pong');
    await erl(`Old = rpc:call('${name}', phoenix, pid, []), M = monitor(process, Old)`);
    child.kill('SIGSTOP');
    const connecting = second.node.connect(e.name);
    // OTP 23 waits for the end of the old connection, which may take as long as its tick time.
    if (release < 24) {
      await until(() => said.length > 0, 'its status');
      signalGroup(child, 'SIGKILL');
    }
    await connecting;
    expect(said[0]?.subarray(2, 8).toString()).toBe('salive');
    expect(await erl('Wait(M) =:= {Old, noconnection}')).toBe('true');
    expect(await erl(`length([x || {'${name}', _} <- erlang:system_info(dist_ctrl)])`)).toBe('1');
    expect(await second.node.ping(e.name)).toBe('pong');
    expect(await erl(`lists:member('${name}', nodes(hidden))`)).toBe('true');
  } finally {
    signalGroup(child, 'SIGKILL');
    await second.node.stop();
  }
});

test('large messages to names of any length: the control message is whole in the first fragment', async () => {
  const name = '\u{20ac}'.repeat(255);
  const term = `list_to_atom(lists:duplicate(255, 16#20AC))`;
  me.register(name);
  const big = Buffer.alloc(500_000, 'abc');
  await erl(`register(${term}, self()), {${term}, N} ! binary:copy(<<"cba">>, 100000)`);
  expect(Buffer.alloc(300_000, 'cba').equals((await next()) as Buffer)).toBe(true);
  me.send({ name, node: e.name }, big);
  expect(await erl('receive B when is_binary(B) -> {byte_size(B), binary:part(B, 0, 3)} after 5000 -> none end')).toBe(
    '{500000,<<"abc">>}',
  );
});

test('what a BEAM sends before a connection is up comes in old spellings, and is understood', async () => {
  const victim = ts.node.spawnMailbox();
  victim.trapExit = true;
  me.send(shell, tuple(me.pid, victim.pid));
  await erl('{Us, Victim} = receive T -> T after 5000 -> none end');
  ts.node.disconnect(e.name);
  await until(async () => (await erl('nodes(hidden)')) === '[]', 'the end of the connection');
  heard = [];
  // One process for each, so that all of them come before the connection does.
  await erl(
    '[spawn(F) || F <- [fun() -> Us ! first end, fun() -> exit(Victim, why) end, fun() -> {me, N} ! named end]]',
  );
  const got = [format(await next()), format(await next())].sort();
  expect(got).toEqual(['first', 'named']);
  expect(format((await victim.receive({ timeout: 5000 })) as Term)).toMatch(/^\{'EXIT',<.*>,why\}$/);
  const all = Buffer.concat(heard);
  // SEND and EXIT2 with its reason; later ones are SEND_SENDER and PAYLOAD_EXIT2.
  expect([all.includes(Buffer.from([104, 3, 97, 2])), all.includes(Buffer.from([104, 4, 97, 8]))]).toEqual([
    true,
    true,
  ]);
  victim.exit();
});

test('a BEAM refuses options of a spawn that it does not know: badopt', async () => {
  const self = identity(ANNOUNCED_FLAGS);
  const beam = await reach(e, self);
  const parent = pid(self.node, 1, 0, self.creation);
  const ref = reference(self.node, self.creation, [1, 2, 3]);
  const request = { op: 'SPAWN_REQUEST', ref, from: parent, groupLeader: parent, arity: 0, args: [] } as const;
  beam.send({ ...request, module: 'erlang', function: 'node', options: [atom('nonsense')] });
  expect(await beam.next()).toMatchObject({ op: 'SPAWN_REPLY', ref, result: 'badopt' });
  beam.close();
});

describe('trace tokens', () => {
  /** The operation as the first element of a control message: SMALL_TUPLE_EXT, SMALL_INTEGER_EXT. */
  const sawOperation = (operation: number): boolean => {
    const all = Buffer.concat(heard);
    return [4, 5, 6, 7].some((arity) => all.includes(Buffer.from([104, arity, 97, operation])));
  };
  const traced = (code: string) =>
    erl(
      `process_flag(trap_exit, true), seq_trace:set_token(label, 17), seq_trace:set_token(send, true), try ${code} after seq_trace:set_token([]) end`,
    );

  test('messages to pids, names and aliases, exits, spawns: done as without a token', async () => {
    me.trapExit = true;
    me.send(shell, tuple(me.pid, release < 24 ? me.pid : me.alias()));
    await erl('{Pid, Alias} = receive T -> T after 5000 -> none end');
    await traced('{me, N} ! to_name, Pid ! to_pid, Alias ! to_alias');
    expect([await next(), await next(), await next()]).toEqual(['to_name', 'to_pid', 'to_alias'].map((w) => atom(w)));
    expect([16, 23].map(sawOperation)).toEqual([true, true]);
    if (release >= 24) expect(sawOperation(34) || sawOperation(37)).toBe(true);

    await traced('exit(Pid, {asked, to})');
    expect(((await next()) as Tuple).at(2)).toEqual(tuple(atom('asked'), atom('to')));

    await erl('Linked = spawn(fun() -> link(Pid), receive go -> seq_trace:set_token(label, 5), exit(traced) end end)');
    await until(async () => (await erl('element(2, process_info(Linked, links))')) !== '[]', 'the link');
    await erl('Linked ! go');
    expect(((await next()) as Tuple).at(2)).toBe(atom('traced'));
    expect(sawOperation(25)).toBe(true);

    expect(await traced('node(spawn(N, ours, wait, [])) == N')).toBe('true');
    expect(sawOperation(30)).toBe(true);
    expect(await traced('rpc:call(N, erlang, process_info, [Pid, registered_name])')).toBe('{registered_name,me}');
    expect(ts.node.nodes('connected')).toEqual([e.name]);
  });
});

test('native records: OTP 29 gets back what it sent; to others none is sent', async () => {
  const record = new NativeRecord(atom('mymod'), atom('point'), true, [atom('x'), atom('y')], [1, [2.5]]);
  if (release < 29) {
    // It would take the message for corrupted and hang up.
    expect(() => me.send(shell, tuple(record))).toThrow('a native record is for OTP 29');
    me.send(shell, atom('last'));
    expect(await erl('receive M -> M after 5000 -> none end')).toBe('last');
    expect(ts.node.nodes('connected')).toEqual([e.name]);
    return;
  }
  await erl('R = records:create(mymod, point, [{x, 1}, {y, [2.5]}], #{is_exported => true}), {me, N} ! R');
  const got = await next();
  expect(got).toEqual(record);
  me.send(shell, got);
  me.send(shell, record);
  expect(await erl('[receive M -> M =:= R after 5000 -> none end || _ <- [1, 2]]')).toBe('[true,true]');
  expect(await erl('binary_to_list(term_to_binary(R))')).toBe(JSON.stringify([...encode(record)]));
});

test('connections that come and go, with links, monitors, calls and spawns on both sides: nothing stays', async () => {
  // All of them wait for something of ours until the connection is gone.
  const workers = `[spawn(fun() -> monitor(process, {me, N}), spawn_link(N, ours, wait, []), receive never -> ok end end),
    spawn(fun() -> erpc:call(N, ours, wait, []) end), spawn(fun() -> gen_server:call({me, N}, x, infinity) end)]`;
  const processes = async () => Number(await erl('length(processes())'));
  const before = await processes();
  waiting = 0;
  for (let i = 0; i < 100; i++) {
    await erl(`length(${workers})`);
    await until(() => waiting === 2 * (i + 1) && me.messageQueueLength === i + 1, 'all to wait for us');
    const other = ts.node.spawnMailbox();
    other.trapExit = true;
    const watch = other.monitor({ name: 'init', node: e.name });
    other.link(shell);
    const call = other.call({ name: 'init', node: e.name }, i, { timeout: 60_000 });
    const over = expect(call).rejects.toMatchObject({ code: 'nodedown' });
    expect(await ts.node.ping(e.name)).toBe('pong');
    await erl('process_flag(trap_exit, true)');
    if (i % 2 === 0) ts.node.disconnect(e.name);
    else await erl('erlang:disconnect_node(N)');
    await over;
    const told = [await other.receive({ timeout: 5000 }), await other.receive({ timeout: 5000 })] as Tuple[];
    expect(told.filter((each) => watch.equals(each.at(1)))).toHaveLength(1);
    expect(told.map((each) => each.at(each.length - 1))).toEqual([atom('noconnection'), atom('noconnection')]);
    other.exit();
    await until(async () => (await erl('nodes(hidden)')) === '[]', 'the end of the connection there');
  }
  await until(async () => (await processes()) <= before, 'the processes there to have ended');
  const { monitors, links } = await relations();
  expect([monitors, links]).toEqual(['[]', '[]']);
}, 60_000);

/** What the Erlang process still holds on to. */
async function relations(): Promise<{ monitors: string; links: string }> {
  const item = (name: string) => erl(`element(2, process_info(self(), ${name}))`);
  return { monitors: await item('monitors'), links: await item('links') };
}
