// Who is connected to whom, when attempts meet, fail, are replaced or are given up.
import { afterEach, describe, expect, test } from 'vitest';
import type { Discovery } from '../../src/discovery/discovery.js';
import { ConnectionError, HandshakeError, LimitError } from '../../src/errors.js';
import { type Attempt, Connections } from '../../src/node/connections.js';
import type { Node } from '../../src/node/node.js';
import { atom } from '../../src/term/atom.js';
import { tuple } from '../../src/term/tuple.js';
import { until } from '../support/ts-node.js';
import { COOKIE, type MemoryNode, type Network, network, timers } from './network.js';

const nodes: Node[] = [];
afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.stop()));
});

async function start(net: Network, name: string, options = {}): Promise<MemoryNode> {
  const started = await net.start(name, options);
  nodes.push(started.node);
  return started;
}

const silent: Discovery = { name: 'silent', resolve: () => new Promise(() => {}) };

describe('a peer that connects again while its old connection stands', () => {
  test('with the cookie it takes its place, and the node goes on talking to it', async () => {
    const net = network();
    const { node, log } = await start(net, 'a@memory');
    const events = node.monitorNodes();
    const first = await net.reach('a@memory', 'peer@memory');
    expect(node.nodes('connected')).toEqual(['peer@memory']);
    const second = await net.reach('a@memory', 'peer@memory');
    expect(second.established).toBeDefined();
    await first.closed;
    expect(node.nodes('connected')).toEqual(['peer@memory']);
    const seen = [await events.next(), await events.next(), await events.next()].map(({ value }) => value.type);
    expect(seen).toEqual(['nodeup', 'nodedown', 'nodeup']);
    expect(node.info('peer@memory')?.remote).toBe(log.findLast(({ message }) => message === 'nodeup')?.['remote']);
    const before = second.received.length;
    node.send({ name: 'x', node: 'peer@memory' }, 1);
    await until(() => second.received.length > before, 'a message on the new connection');
    expect(node.disconnect('peer@memory')).toBe(true);
    await second.closed;
    expect(node.nodes('connected')).toEqual([]);
  });

  test('without the cookie nothing happens to the old one', async () => {
    const net = network();
    const { node, log } = await start(net, 'a@memory');
    const first = await net.reach('a@memory', 'peer@memory');
    for (let i = 0; i < 20; i++) {
      const thief = await net.reach('a@memory', 'peer@memory', { cookie: 'wrong' });
      expect(thief.established).toBeUndefined();
    }
    expect(node.nodes('connected')).toEqual(['peer@memory']);
    const before = first.received.length;
    node.send({ name: 'x', node: 'peer@memory' }, 1);
    await until(() => first.received.length > before, 'a message on the old connection');
    expect(log.filter(({ message }) => message === 'nodedown')).toEqual([]);
  });
});

describe('both sides connect at once', () => {
  test('again and again: one connection each time, and both callers have it', async () => {
    const net = network();
    const a = (await start(net, 'a@memory')).node;
    const b = (await start(net, 'b@memory')).node;
    for (let i = 0; i < 100; i++) {
      await Promise.all([a.connect(b.name), b.connect(a.name)]);
      expect([a.nodes('connected'), b.nodes('connected')]).toEqual([[b.name], [a.name]]);
      (i % 2 === 0 ? a : b).disconnect(i % 2 === 0 ? b.name : a.name);
      await until(() => a.nodes('connected').length + b.nodes('connected').length === 0, 'both to be alone again');
    }
  });

  test('a stranger with the name of the node we are looking for does not keep us from it', async () => {
    const net = network();
    const discovery: Discovery = {
      name: 'slow',
      resolve: async (name) => {
        // Again and again while we look the node up.
        await Promise.all([1, 2, 3].map(() => net.reach('a@memory', 'b@memory', { cookie: 'wrong' })));
        return [{ host: 'memory', port: net.ports.get(name) as number }];
      },
    };
    const a = (await start(net, 'a@memory', { discovery: { ...discovery, register: net.discovery.register } })).node;
    const b = (await start(net, 'b@memory')).node;
    await a.connect(b.name);
    expect(a.nodes('connected')).toEqual([b.name]);
  });

  test('a peer that prefers its own attempt and never makes it: nok, when the setup time is over', async () => {
    const net = network();
    const { node } = await start(net, 'a@memory', { setupTime: 0.3 });
    await net.listen('liar@memory', (stream) => void net.acceptAs('liar@memory', stream, { decide: () => 'nok' }));
    const since = performance.now();
    await expect(node.connect('liar@memory')).rejects.toMatchObject({ code: 'nok' });
    const waited = performance.now() - since;
    console.log(`nok: gave up after ${Math.round(waited)} ms of 300`);
    await expect(node.ping('liar@memory')).resolves.toBe('pang');
  });
});

describe('what fails leaves nothing behind', () => {
  const failing = (over: (connections: Connections, name: string, attempt: Attempt) => void): Connections => {
    const connections: Connections = new Connections({
      self: 'a@memory',
      queuedSignals: 10,
      queueBytes: 1000,
      dial(name) {
        const attempt: Attempt = {
          phase: 'lookup',
          deadline: performance.now() + 5,
          hold() {},
          release() {},
          abort() {},
        };
        queueMicrotask(() => over(connections, name, attempt));
        return attempt;
      },
      open: () => {
        throw new Error('not in this test');
      },
      onUp() {},
      onDown() {},
      onFailed() {},
      transmit() {},
    });
    return connections;
  };
  const message = { kind: 'message', from: undefined, to: { name: 'x', node: 'b@memory' }, message: 1 } as const;

  test.each([
    ['noport', new ConnectionError('noport', 'unknown')],
    ['nok', new HandshakeError('nok', 'no', 'status')],
  ])('10,000 sends and connects that end in %s', async (_code, error) => {
    const connections = failing((table, name, attempt) => table.failed(name, attempt, error));
    const outcomes: Promise<unknown>[] = [];
    for (let i = 0; i < 10_000; i++) {
      connections.queue(`n${i % 5000}@memory`, message);
      outcomes.push(connections.connect(`n${i % 5000}@memory`).catch((caught: unknown) => caught));
    }
    expect(connections.size).toBe(5000);
    for (const outcome of await Promise.all(outcomes)) expect(outcome).toBe(error);
    expect(connections.size).toBe(0);
  });

  test('10,000 sends and connects after the stop', async () => {
    const connections = failing(() => {});
    connections.stop(new ConnectionError('node_stopped', 'over'));
    for (let i = 0; i < 10_000; i++) {
      connections.queue(`n${i}@memory`, message);
      await expect(connections.connect(`n${i}@memory`)).rejects.toMatchObject({ code: 'node_stopped' });
    }
    expect(connections.size).toBe(0);
  });

  test('10,000 sends to nodes that nobody knows: dropped, and logged within the limit', async () => {
    const net = network();
    const { node, log } = await start(net, 'a@memory');
    const me = node.spawnMailbox();
    const before = timers();
    for (let i = 0; i < 10_000; i++) me.send({ name: 'x', node: `n${i % 100}@memory` }, i);
    const last = me.monitor({ name: 'x', node: 'n0@memory' });
    await me.receive((term) => String(term).length > 0);
    await until(() => log.filter(({ message: text }) => text === 'could not connect').length >= 100, 'the last one');
    expect(log.filter(({ peer }) => peer === 'n0@memory').length).toBeLessThanOrEqual(10);
    me.demonitor(last);
    // One is the window of the log's limit.
    await until(() => timers() <= before + 1, 'the timers to be gone');
  });

  test('more signals than may wait for a node: dropped with the attempt, and the next one starts anew', async () => {
    const net = network();
    const signals: AbortSignal[] = [];
    const discovery: Discovery = {
      name: 'silent',
      resolve: (_node, { signal }) => {
        signals.push(signal);
        return new Promise(() => {});
      },
    };
    const { node, log } = await start(net, 'a@memory', { discovery, limits: { queuedSignals: 5 } });
    const connecting = expect(node.connect('b@memory')).rejects.toThrow(LimitError);
    for (let i = 0; i < 6; i++) node.send({ name: 'x', node: 'b@memory' }, i);
    await connecting;
    expect(log.filter(({ code }) => code === 'send_queue_full')).toHaveLength(1);
    node.send({ name: 'x', node: 'b@memory' }, 7);
    await until(() => signals.length === 2, 'a second look-up');
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
  });

  test('more bytes than may wait for a node; one message alone may have more', async () => {
    const net = network();
    const { node, log } = await start(net, 'a@memory', { discovery: silent, limits: { queueBytes: 1000 } });
    const connecting = expect(node.connect('b@memory')).rejects.toThrow(/bytes waiting for b@memory/);
    node.send({ name: 'x', node: 'b@memory' }, Buffer.alloc(5000));
    expect(log.filter(({ code }) => code === 'send_queue_full')).toEqual([]);
    node.send({ name: 'x', node: 'b@memory' }, tuple(1, [new Map([[atom('key'), { data: 'x'.repeat(100) }]])]));
    await connecting;
    expect(log.filter(({ code }) => code === 'send_queue_full')).toHaveLength(1);
  });

  test('an attempt that takes longer than the setup time', async () => {
    const net = network();
    const { node } = await start(net, 'a@memory', { discovery: silent, setupTime: 0.1 });
    const before = timers();
    await expect(node.connect('b@memory')).rejects.toMatchObject({ code: 'timeout' });
    await until(() => timers() <= before + 1, 'the timers to be gone');
  });
});

describe('giving up', () => {
  test('an abort ends the wait of its caller and of nobody else', async () => {
    const net = network();
    let answer: (port: number) => void = () => {};
    const answered = new Promise<number>((resolve) => {
      answer = resolve;
    });
    const discovery: Discovery = {
      name: 'slow',
      resolve: async () => [{ host: 'memory', port: await answered }],
    };
    const { node } = await start(net, 'a@memory', { discovery });
    const b = (await start(net, 'b@memory')).node;
    const impatient = new AbortController();
    const given = expect(node.connect(b.name, { signal: impatient.signal })).rejects.toMatchObject({ code: 'aborted' });
    const waiting = node.connect(b.name, { signal: new AbortController().signal });
    await expect(node.connect(b.name, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' });
    impatient.abort(new Error('enough'));
    await given;
    answer(b.port as number);
    await waiting;
    expect(node.nodes('connected')).toEqual([b.name]);
  });

  test('stop() ends attempts in every state, and no timer is left', async () => {
    const net = network();
    const mute = (): void => {};
    await net.listen('mute@memory', (stream) => stream.start({ onData: mute, onDrain: mute, onClose: mute }));
    await net.listen('nok@memory', (stream) => void net.acceptAs('nok@memory', stream, { decide: () => 'nok' }));
    const discovery: Discovery = {
      name: 'mixed',
      resolve: (name) =>
        name === 'unknown@memory'
          ? new Promise(() => {})
          : net.discovery.resolve(name, { signal: new AbortController().signal }),
    };
    const before = timers();
    const { node, log } = await start(net, 'a@memory', { discovery });
    const b = (await start(net, 'b@memory')).node;
    await node.connect(b.name);
    const stopped = ['unknown@memory', 'mute@memory', 'nok@memory'].map((name) =>
      expect(node.connect(name)).rejects.toMatchObject({ code: 'node_stopped' }),
    );
    // Far enough for each of them to be where it stays.
    await new Promise((resolve) => setTimeout(resolve, 20));
    const stopping = node.stop();
    await expect(node.connect('late@memory')).rejects.toMatchObject({ code: 'node_stopped' });
    await expect(node.ping('late@memory')).resolves.toBe('pang');
    expect(() => node.send({ name: 'x', node: b.name }, 1)).toThrow(ConnectionError);
    await Promise.all([stopping, node.stop(), ...stopped]);
    await b.stop();
    expect(log.filter(({ peer, message }) => peer === b.name && message === 'could not connect')).toEqual([]);
    await until(() => timers() <= before + 1, 'the timers to be gone');
  });

  test('what is linked to a process of a node that stops hears `shutdown`, not `noconnection`', async () => {
    const net = network();
    const a = (await start(net, 'a@memory')).node;
    const b = (await start(net, 'b@memory')).node;
    const there = b.spawnMailbox({ name: 'there' });
    there.trapExit = true;
    const here = a.spawnMailbox();
    await a.connect(b.name);
    here.link(there.pid);
    const monitor = there.monitor(here.pid);
    await until(() => b.nodes('connected').length === 1, 'the connection');
    await a.ping(b.name);
    await a.stop();
    const reasons = [await there.receive(), await there.receive()].map((term) =>
      [...(term as Iterable<unknown>)].at(-1),
    );
    expect(reasons).toEqual([atom('shutdown'), atom('shutdown')]);
    expect(monitor).toBeDefined();
  });

  test('a handshake that is done while the node stops', async () => {
    const net = network();
    const { node } = await start(net, 'a@memory');
    const reaching = net.reach('a@memory', 'peer@memory');
    await new Promise((resolve) => setImmediate(resolve));
    await node.stop();
    const fake = await reaching;
    await fake.closed;
    expect(node.nodes('connected')).toEqual([]);
  });
});

test('the cookie of each peer is the one its function gives, on both sides', async () => {
  const net = network();
  const a = (await start(net, 'a@memory', { cookie: (peer: string) => (peer === 'b@memory' ? 'for-b' : COOKIE) })).node;
  const b = (await start(net, 'b@memory', { cookie: 'for-b' })).node;
  const c = (await start(net, 'c@memory')).node;
  await a.connect(b.name);
  await c.connect(a.name);
  await expect(b.connect(c.name)).rejects.toMatchObject({ code: 'bad_cookie' });
});

test('whoever calls a node that cannot be reached hears why', async () => {
  const net = network();
  const { node } = await start(net, 'a@memory', { cookie: 'another' });
  await start(net, 'b@memory');
  const me = node.spawnMailbox();
  for (const [peer, code] of [
    ['b@memory', 'bad_cookie'],
    ['nobody@memory', 'noport'],
  ] as const) {
    const call = me.call({ name: 'rex', node: peer }, 1);
    await expect(call).rejects.toMatchObject({ code: 'nodedown', cause: { code } });
    await expect(call).rejects.toThrow(/^call to .*: .+ \(nodedown\)$/);
    await expect(node.rpc(peer, 'm', 'f', [])).rejects.toMatchObject({ code: 'badrpc', cause: { cause: { code } } });
    await expect(node.erpc(peer, 'm', 'f', [])).rejects.toMatchObject({ code: 'noconnection', cause: { code } });
    await expect(me.spawnRequest(peer, 'm', 'f', [])).rejects.toMatchObject({ code: 'noconnection', cause: { code } });
  }
});

test('whoever waits when the connection is lost hears why', async () => {
  const net = network();
  const { node: a } = await start(net, 'a@memory');
  const { node: b } = await start(net, 'b@memory');
  b.spawnMailbox({ name: 'silent' });
  await a.connect('b@memory');
  b.expose('m', { never: () => new Promise(() => {}) });
  const calling = a.call({ name: 'silent', node: 'b@memory' }, 1);
  const asking = a.erpc('b@memory', 'm', 'never', []);
  await until(() => (b.info('a@memory')?.messagesIn ?? 0) >= 3, 'the requests to arrive');
  a.disconnect('b@memory');
  await expect(calling).rejects.toMatchObject({ code: 'nodedown', cause: { code: 'disconnected' } });
  await expect(asking).rejects.toMatchObject({ code: 'noconnection', cause: { code: 'disconnected' } });
});

describe('before the connection is up', () => {
  test('what is taken back is taken back there, too', async () => {
    const net = network();
    const { node: a } = await start(net, 'a@memory');
    const { node: b } = await start(net, 'b@memory', { introspection: true });
    const watched = b.spawnMailbox({ name: 'watched' });
    const me = a.spawnMailbox();
    me.demonitor(me.monitor({ name: 'watched', node: 'b@memory' }));
    me.link(watched.pid);
    me.unlink(watched.pid);
    await a.connect('b@memory');
    const about = [atom('monitored_by'), atom('links')];
    expect(await a.rpc('b@memory', 'erlang', 'process_info', [watched.pid, about])).toEqual([
      tuple(atom('monitored_by'), []),
      tuple(atom('links'), []),
    ]);
  });

  test('what has no Erlang form is refused as it is later', async () => {
    const net = network();
    const { node } = await start(net, 'a@memory');
    await start(net, 'b@memory');
    const me = node.spawnMailbox();
    const noTerm = { when: new Date(0) } as never;
    const refused = expect.objectContaining({ code: 'not_encodable', message: expect.stringContaining('when') });
    expect(() => me.send({ name: 'x', node: 'b@memory' }, noTerm)).toThrow(refused);
    await expect(node.rpc('b@memory', 'm', 'f', [noTerm])).rejects.toEqual(refused);
    await expect(me.call({ name: 'x', node: 'b@memory' }, noTerm)).rejects.toEqual(refused);
    me.exit(noTerm);
  });
});

test('an attempt to connect that nobody waits for ends no program: the log has it', async () => {
  const { node, log } = await start(network(), 'a@memory');
  void node.connect('nobody@memory');
  void node.connect('nobody@memory', { timeout: 60_000 });
  await until(() => log.some(({ message }) => message === 'could not connect'), 'the attempt to fail');
  // A rejection that nobody has handled would be told now, and fail the test run.
  await new Promise(setImmediate);
});
