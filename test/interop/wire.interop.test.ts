// What a BEAM says, listened in on, changed, cut into pieces or held up on its way (protocol section 8, lines 24 to 34
// and 48 to 50; promises 7 and 10): cases that no BEAM brings about by itself.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { staticNodes } from '../../src/discovery/index.js';
import { DFLAG } from '../../src/dist/flags.js';
import type { NodeOptions } from '../../src/node/options.js';
import type { Process } from '../../src/process/process.js';
import { atom } from '../../src/term/atom.js';
import type { Pid } from '../../src/term/identifiers.js';
import type { Tuple } from '../../src/term/tuple.js';
import { type Erlang, startErlang } from '../support/erlang.js';
import { startTestNode, type TestNode, until } from '../support/ts-node.js';
import { listeningPort, overheard, startWire, type Wire, wired } from '../support/wire.js';

const MiB = 1024 * 1024;

let e: Erlang;
let wire: Wire;
let ts: TestNode | undefined;

beforeAll(async () => {
  e = await startErlang();
});
afterAll(() => e?.stop());
afterEach(async () => {
  await ts?.node.stop();
  await wire.close();
  ts = undefined;
});

const codes = ({ log }: TestNode, message: string): unknown[] =>
  log.filter((line) => line.message === message).map(({ code }) => code);

describe('a BEAM connects to us', () => {
  /** Behind the wire. */
  async function start(options: NodeOptions = {}): Promise<TestNode> {
    const discovery = wired(e.epmdPort, { inwards: () => wire.port });
    ts = await startTestNode(e.epmdPort, { cookie: e.cookie, discovery, ...options });
    return ts;
  }

  beforeEach(async () => {
    wire = await startWire(() => ts?.node.port as number);
  });

  test('with more bytes behind its name, which are for the future', async () => {
    const { name, node } = await start();
    wire.change = (bytes) => {
      wire.change = undefined;
      const longer = Buffer.concat([bytes, Buffer.from('later')]);
      longer.writeUInt16BE(bytes.readUInt16BE() + 5);
      return longer;
    };
    expect(await e.eval(`net_adm:ping('${name}').`)).toBe('pong');
    expect(wire.change).toBeUndefined();
    expect(node.nodes('connected')).toEqual([e.name]);
  });

  test.each([
    ['DFLAG_BIG_CREATION', DFLAG.DFLAG_BIG_CREATION],
    ['DFLAG_UTF8_ATOMS', DFLAG.DFLAG_UTF8_ATOMS],
    ['DFLAG_EXTENDED_REFERENCES', DFLAG.DFLAG_EXTENDED_REFERENCES],
  ])('without %s: not allowed, and it knows at once', async (flag, bit) => {
    const other = await start();
    wire.change = (bytes) => {
      wire.change = undefined;
      const flags = bytes.readBigUInt64BE(3);
      expect(flags & bit).toBe(bit);
      const fewer = Buffer.from(bytes);
      // The digest bit stands for all of them.
      fewer.writeBigUInt64BE(flags & ~bit & ~DFLAG.DFLAG_MANDATORY_25_DIGEST, 3);
      return fewer;
    };
    expect(await e.eval(`net_kernel:connect_node('${other.name}').`)).toBe('false');
    expect(codes(other, 'connection refused')).toEqual(['missing_flags']);
    expect(JSON.stringify(other.log)).toContain(flag);
    expect(Buffer.concat(wire.lines[0]?.said.called ?? [])).toEqual(Buffer.from('\0\x0csnot_allowed', 'latin1'));
    expect(await e.eval(`net_adm:ping('${other.name}').`)).toBe('pong');
  });

  test('with a wrong digest: it hears a status, a challenge, and nothing more', async () => {
    const other = await start({ cookie: 'not_the_cookie' });
    expect(await e.eval(`net_adm:ping('${other.name}').`)).toBe('pang');
    const [line] = wire.lines;
    await until(() => line?.closed === true, 'the end of the connection');
    const said = Buffer.concat(line?.said.called ?? []);
    expect(said.subarray(0, 5)).toEqual(Buffer.from('\0\x03sok', 'latin1'));
    expect(said.toString('latin1', 7, 8)).toBe('N');
    expect(said.length).toBe(5 + 2 + said.readUInt16BE(5));
    // Its answer was there to be judged.
    expect(Buffer.concat(line?.said.caller ?? []).subarray(-23, -20)).toEqual(Buffer.from('\0\x15r', 'latin1'));
    expect(codes(other, 'connection refused')).toEqual(['bad_cookie']);
  });

  test('again, after it has lost a connection that we still hold: alive, true, and the new one is it', async () => {
    const other = await start();
    const me = other.node.spawnMailbox();
    expect(await e.eval(`net_adm:ping('${other.name}').`)).toBe('pong');
    await e.eval('register(watched, spawn(fun() -> receive stop -> ok end end)).');
    me.monitor({ name: 'watched', node: e.name });
    wire.pull();
    expect(await e.eval(`erlang:disconnect_node('${other.name}').`)).toBe('true');
    expect(other.node.nodes('connected')).toEqual([e.name]);
    expect(await e.eval(`net_adm:ping('${other.name}').`)).toBe('pong');
    expect(other.node.nodes('connected')).toEqual([e.name]);
    expect(wire.lines).toHaveLength(2);
    expect(Buffer.concat(wire.lines[1]?.said.called ?? []).subarray(0, 8)).toEqual(
      Buffer.from('\0\x06salive', 'latin1'),
    );
    expect(Buffer.concat(wire.lines[1]?.said.caller ?? []).includes('\0\x05strue')).toBe(true);
    // What had to do with the old one is over, and told.
    const down = (await me.receive({ timeout: 5000 })) as Tuple;
    expect(down.at(0)).toBe(atom('DOWN'));
    expect(down.at(4)).toBe(atom('noconnection'));
    expect(codes(other, 'nodedown')).toHaveLength(1);
    expect(codes(other, 'nodeup')).toHaveLength(2);
    await e.eval('watched ! stop.');
  });
});

describe('we connect to a BEAM', () => {
  beforeEach(async () => {
    wire = await startWire(() => listeningPort(e.name, e.epmdPort));
  });

  async function start(options: NodeOptions = {}): Promise<TestNode> {
    const discovery = wired(e.epmdPort, { outwards: () => wire.port });
    ts = await startTestNode(e.epmdPort, { cookie: e.cookie, discovery, ...options });
    return ts;
  }

  test('and another node is there: we close', async () => {
    const discovery = staticNodes({ nodes: { 'somebody_else@127.0.0.1': wire.port }, env: {} });
    ts = await startTestNode(e.epmdPort, { cookie: e.cookie, discovery });
    await expect(ts.node.connect('somebody_else@127.0.0.1')).rejects.toMatchObject({ code: 'wrong_node' });
    await until(() => wire.lines[0]?.closed === true, 'the end of the connection');
    // Name, and no digest.
    expect(Buffer.concat(wire.lines[0]?.said.caller ?? []).length).toBe(2 + 15 + ts.name.length);
    expect(await e.eval(`lists:member('${ts.name}', nodes(hidden)).`)).toBe('false');
  });

  test('that has been stopped: its system answers, it does not', async () => {
    const stopped = await startErlang({ epmdPort: e.epmdPort, cookie: e.cookie });
    const port = await listeningPort(stopped.name, e.epmdPort);
    stopped.signal('SIGSTOP');
    try {
      ts = await startTestNode(e.epmdPort, {
        cookie: e.cookie,
        setupTime: 1,
        discovery: staticNodes({ nodes: { [stopped.name]: port }, env: {} }),
      });
      await expect(ts.node.connect(stopped.name)).rejects.toMatchObject({ code: 'setup_timeout', step: 'status' });
      stopped.signal('SIGCONT');
      // While it finds out that the first connection is closed, the BEAM closes a second one under the same name.
      const again = ts.node;
      await until(async () => (await again.ping(stopped.name)) === 'pong', 'the node that goes on to let us in');
    } finally {
      await stopped.stop();
    }
  });

  test('that does nothing but tick: no message, and it lives', async () => {
    const ticking = await startErlang({ epmdPort: e.epmdPort, args: ['-kernel', 'net_ticktime', '2'] });
    const other = await start({ cookie: ticking.cookie, netTickTime: 2, discovery: wired(e.epmdPort, {}) });
    try {
      await other.node.connect(ticking.name);
      const before = other.node.info(ticking.name);
      await sleep(4000);
      const after = other.node.info(ticking.name);
      expect(after?.bytesIn).toBeGreaterThanOrEqual((before?.bytesIn ?? 0) + 8);
      expect(after?.messagesIn).toBe(before?.messagesIn);
    } finally {
      await ticking.stop();
    }
  });

  test('and one byte of what it says changes: that connection closes, the others do not notice', async () => {
    const other = await start();
    const bystander = await startErlang({ epmdPort: e.epmdPort, cookie: e.cookie });
    try {
      expect(await bystander.eval(`net_adm:ping('${other.name}').`)).toBe('pong');
      // The version byte, the header's tag, and its first length.
      for (const at of [4, 5, 6]) {
        await other.node.connect(e.name);
        const before = codes(other, 'nodedown').length;
        wire.change = (bytes, from) => {
          if (from === 'caller' || bytes.readUInt32BE(0) === 0) return bytes;
          wire.change = undefined;
          const wrong = Buffer.from(bytes);
          wrong[at] = (wrong[at] as number) ^ 0xff;
          return wrong;
        };
        await e.eval(`{nobody, '${other.name}'} ! {hello, ${at}, list_to_atom("a_${at}_" ++ pid_to_list(self()))}.`);
        await until(() => codes(other, 'nodedown').length > before, 'the end of the connection');
        expect(codes(other, 'nodedown').at(-1)).toMatch(/^bad_(frame|header|control)$/);
        expect(other.node.nodes('connected')).toEqual([bystander.name]);
        expect(await bystander.eval(`net_adm:ping('${other.name}').`)).toBe('pong');
      }
      expect(await e.eval(`net_adm:ping('${other.name}').`)).toBe('pong');
    } finally {
      await bystander.stop();
    }
  });

  test('an exit signal that crosses our unlink: no effect, and nothing stays', async () => {
    const other = await start();
    const me = other.node.spawnMailbox({ name: 'crossing' });
    me.trapExit = true;
    await other.node.connect(e.name);
    await e.eval('register(crosser, spawn(fun() -> receive go -> exit(crossed) end end)).');
    await e.eval(`{crossing, '${other.name}'} ! whereis(crosser).`);
    const theirs = (await me.receive({ timeout: 5000 })) as Pid;
    me.link(theirs);
    expect(await other.node.ping(e.name)).toBe('pong');
    const release = wire.hold('called');
    me.send(theirs, atom('go'));
    await until(async () => (await e.eval('whereis(crosser).')) === 'undefined', 'its end');
    expect(me.messageQueueLength).toBe(0);
    me.unlink(theirs);
    release();
    expect(await other.node.ping(e.name)).toBe('pong');
    expect([me.messageQueueLength, me.relations.links.size]).toEqual([0, 0]);
  });

  test('and hear it byte by byte: handshake, headers, fragments, terms', async () => {
    const singleBytes = (chunk: Buffer) => Array.from(chunk, (_, at) => chunk.subarray(at, at + 1));
    const other = await start({ transport: overheard(singleBytes) });
    other.node.spawn(
      async (self: Process) => {
        for await (const message of self) {
          const [from, term] = message as Tuple;
          self.send(from as Pid, term);
        }
      },
      { name: 'echo' },
    );
    await other.node.connect(e.name);
    await e.eval(
      `EchoSlowly = fun(T) -> {echo, '${other.name}'} ! {self(), T}, receive T -> same after 9000 -> no end end.`,
    );
    for (const term of [
      '1',
      '{a, "b", <<"c">>, #{d => 1.5}}',
      'self()',
      'binary:copy(<<7>>, 200000)',
      'lists:seq(1, 9000)',
    ])
      expect(await e.eval(`EchoSlowly(${term}).`), term).toBe('same');
    expect(await other.node.rpc(e.name, 'lists', 'seq', [1, 3])).toEqual([1, 2, 3]);
  });

  test.each([
    ['idle', 0],
    ['with a full send queue', 16 * MiB],
  ])('and the cable is pulled, %s: it is down, in time, and whoever waits is told', async (_what, queued) => {
    const other = await start({ netTickTime: 2 });
    const bystander = await startErlang({
      epmdPort: e.epmdPort,
      cookie: e.cookie,
      args: ['-kernel', 'net_ticktime', '2'],
    });
    try {
      // Not through the wire.
      expect(await bystander.eval(`net_adm:ping('${other.name}').`)).toBe('pong');
      const me = other.node.spawnMailbox();
      await other.node.connect(e.name);
      const events = other.node.monitorNodes();
      me.monitor({ name: 'init', node: e.name });
      const call = me.call({ name: 'init', node: e.name }, 'never answered', { timeout: 60_000 });
      const over = expect(call).rejects.toMatchObject({ code: 'nodedown' });
      expect(await other.node.ping(e.name)).toBe('pong');
      wire.pull();
      const since = performance.now();
      for (let sent = 0; sent < queued; sent += MiB) me.send({ name: 'nobody', node: e.name }, Buffer.alloc(MiB));
      if (queued > 0) expect(other.node.info(e.name)?.busy).toBe(true);
      expect((await events.next()).value).toMatchObject({
        type: 'nodedown',
        node: e.name,
        reason: { code: 'net_tick_timeout' },
      });
      console.log(`a pulled cable was noticed after ${((performance.now() - since) / 1000).toFixed(2)} s of 2 s`);
      await over;
      expect(((await me.receive({ timeout: 5000 })) as Tuple).at(4)).toBe(atom('noconnection'));
      expect(other.node.nodes('connected')).toEqual([bystander.name]);
      expect(await bystander.eval(`net_adm:ping('${other.name}').`)).toBe('pong');
    } finally {
      await bystander.stop();
    }
  });
});
