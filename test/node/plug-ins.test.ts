// What users plug in may throw, hang or answer nonsense: discoveries, transports, functions given as options. A typed
// error for whoever asked, nothing that hangs beyond the setup time, and a node that goes on.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Discovery, Registration } from '../../src/discovery/discovery.js';
import { ErlnodeError } from '../../src/errors.js';
import type { Node } from '../../src/node/node.js';
import type { NodeOptions } from '../../src/node/options.js';
import { startNode } from '../../src/start-node.js';
import { memory } from '../../src/transport/memory.js';
import type { ByteStream, Transport } from '../../src/transport/transport.js';
import { until } from '../support/ts-node.js';
import { COOKIE, type Network, network } from './network.js';

const nodes: Node[] = [];
let net: Network;
beforeEach(() => {
  net = network();
});
afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.stop()));
});

async function start(name: string, options: NodeOptions = {}) {
  const started = await net.start(name, options);
  nodes.push(started.node);
  return started;
}

/** The error of a connect, which must be one of ours. */
async function connectError(options: NodeOptions, peer = 'b@memory'): Promise<ErlnodeError> {
  const { node } = await start('a@memory', { setupTime: 0.2, ...options });
  const error = await node.connect(peer).then(
    () => new Error('connected'),
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(ErlnodeError);
  expect(await node.ping(peer)).toBe('pang');
  // The node is as good as before.
  await expect.poll(async () => (await net.reach('a@memory', 'good@memory')).established).toBeDefined();
  expect(node.nodes('connected')).toEqual(['good@memory']);
  return error as ErlnodeError;
}

const never = new Promise<never>(() => {});

describe('a discovery whose resolve', () => {
  const cases: [string, (node: string) => unknown, string, RegExp][] = [
    [
      'throws at once',
      () => {
        throw new TypeError('broken');
      },
      'noport',
      /discovery own failed to look up b@memory: broken/,
    ],
    ['rejects with a string', () => Promise.reject('broken'), 'noport', /no Error/],
    ['never settles', () => never, 'timeout', /b@memory was not found/],
    ['gives undefined', async () => undefined, 'noport', /expected a list of/],
    ['gives undefined at once', () => undefined, 'noport', /expected a list of/],
    ['gives null for an endpoint', async () => [null], 'noport', /expected a list of/],
    ['gives a port of 0', async () => [{ host: 'h', port: 0 }], 'noport', /expected a list of/],
    ['gives a port as text', async () => [{ host: 'h', port: '80' }], 'noport', /expected a list of/],
    ['gives no host', async () => [{ port: 80 }], 'noport', /expected a list of/],
    ['gives text', async () => 'h:80', 'noport', /expected a list of/],
    [
      'gives places where nobody is',
      async () => [1, 2].map((port) => ({ host: 'h', port })),
      'econnrefused',
      /any of its 2 places: .*h:1.*; .*h:2/,
    ],
  ];
  test.each(cases)('%s', async (_what, resolve, code, message) => {
    const discovery = { ...net.discovery, name: 'own', resolve } as unknown as Discovery;
    const error = await connectError({ discovery });
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  test('answers when nobody waits any more', async () => {
    let late: (places: readonly { host: string; port: number }[]) => void = () => {};
    const resolve = (): Promise<readonly { host: string; port: number }[]> =>
      new Promise((resolved) => {
        late = resolved;
      });
    const error = await connectError({ discovery: { ...net.discovery, resolve } });
    expect(error.code).toBe('timeout');
    late([{ host: 'memory', port: 1 }]);
  });
});

describe('a transport whose connect', () => {
  const cases: [string, () => unknown, string, RegExp][] = [
    [
      'throws at once',
      () => {
        throw new TypeError('broken');
      },
      'noconnection',
      /transport own failed to connect to h:1: broken/,
    ],
    ['rejects with null', () => Promise.reject(null), 'noconnection', /no Error/],
    ['never settles', () => never, 'timeout', /b@memory was not found and reached within/],
  ];
  test.each(cases)('%s', async (_what, connect, code, message) => {
    const transport = { ...net.transport, name: 'own', connect } as unknown as Transport;
    const discovery: Discovery = { ...net.discovery, resolve: async () => [{ host: 'h', port: 1 }] };
    const error = await connectError({ discovery, transport });
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  test('gives a stream when nobody waits any more: the stream is closed', async () => {
    let late: (stream: ByteStream) => void = () => {};
    const connect = (): Promise<ByteStream> =>
      new Promise((resolve) => {
        late = resolve;
      });
    const error = await connectError({
      transport: { ...net.transport, connect },
      discovery: { ...net.discovery, resolve: async () => [{ host: 'h', port: 1 }] },
    });
    expect(error.code).toBe('timeout');
    let destroyed = false;
    late({
      destroy: () => {
        destroyed = true;
      },
    } as unknown as ByteStream);
    await until(() => destroyed, 'the stream to be destroyed');
  });
});

function boom(): never {
  throw new RangeError('the secret is hidden here');
}

/** An async function where there must be none; vitest fails the run when a rejection of its is not looked at. */
function later(what: string | (() => never)): () => string {
  return (async () => (typeof what === 'string' ? what : what())) as unknown as () => string;
}

describe('functions given as options', () => {
  test.each<[string, NodeOptions, string, RegExp]>([
    ['allow throws', { allow: boom }, 'aborted', /allow option has thrown/],
    ['cookie throws', { cookie: boom }, 'aborted', /cookie option has thrown/],
    ['cookie gives nothing', { cookie: () => '' }, 'badarg', /this one is empty/],
    ['cookie gives a promise', { cookie: later('x') }, 'aborted', /cookie option must return a cookie at once/],
    ['cookie gives a promise that fails', { cookie: later(boom) }, 'aborted', /must return a cookie at once/],
    ['cookie gives a number', { cookie: () => 7 as unknown as string }, 'badarg', /this one is no string/],
    ['allow gives false', { allow: () => false }, 'not_allowed', /allow option/],
    ['allow gives nothing', { allow: (() => undefined) as unknown as () => boolean }, 'badarg', /true or false/],
  ])('%s, when we connect', async (_what, options, code, message) => {
    await start('b@memory');
    const { node } = await start('a@memory', options);
    const error: unknown = await node.connect('b@memory').catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code });
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).not.toContain('secret');
  });

  const toBad =
    <Value>(bad: () => Value, good: Value) =>
    (peer: string) =>
      peer === 'b@memory' ? bad() : good;
  test.each<[string, NodeOptions, string]>([
    ['allow throws', { allow: toBad<boolean>(boom, true) }, 'aborted'],
    ['allow gives false', { allow: toBad(() => false, true) }, 'not_allowed'],
    // What an async function gives counts as true elsewhere in JavaScript.
    ['allow gives a promise', { allow: toBad(() => Promise.reject() as unknown as boolean, true) }, 'aborted'],
    ['cookie throws', { cookie: toBad<string>(boom, COOKIE) }, 'aborted'],
    ['cookie gives nothing', { cookie: toBad(() => '', COOKIE) }, 'aborted'],
    ['cookie gives a promise', { cookie: toBad(later(COOKIE), COOKIE) }, 'aborted'],
    ['cookie gives a promise that fails', { cookie: toBad(later(boom), COOKIE) }, 'aborted'],
  ])('%s, when a peer connects', async (_what, options, code) => {
    const { node, log } = await start('a@memory', options);
    const refused = await net.reach('a@memory', 'b@memory');
    await refused.closed;
    expect(refused.established).toBeUndefined();
    const lines = log.filter(({ level }) => level === 'warn');
    expect(lines).toMatchObject([{ message: 'connection refused', code }]);
    expect(JSON.stringify(lines)).not.toContain('secret');
    expect((await net.reach('a@memory', 'good@memory')).established).toBeDefined();
    expect(node.nodes('connected')).toEqual(['good@memory']);
  });

  test('a logger that throws at every line', async () => {
    const { node } = await start('a@memory', { logger: { debug: boom, info: boom, warn: boom, error: boom } });
    const { node: b } = await start('b@memory');
    await node.connect(b.name);
    node.spawn(async () => {
      throw new Error('a crash to report');
    });
    await (await net.reach('a@memory', 'c@memory', { cookie: 'wrong' })).closed;
    expect(await b.ping(node.name)).toBe('pong');
  });

  test('a matcher that throws fails its own receive, and no connection', async () => {
    const { node } = await start('a@memory');
    const { node: b } = await start('b@memory');
    const me = node.spawnMailbox({ name: 'me' });
    const received = expect(me.receive(boom)).rejects.toThrow(RangeError);
    await b.connect(node.name);
    b.send({ name: 'me', node: node.name }, 1);
    await received;
    expect(await me.receive()).toBe(1);
    const down = expect(me.receive(boom)).rejects.toThrow(RangeError);
    me.monitor({ name: 'x', node: 'nobody@memory' });
    await down;
    expect(b.nodes('connected')).toEqual([node.name]);
  });
});

describe('the start', () => {
  const registering = (register: unknown): Discovery => ({ ...net.discovery, register }) as unknown as Discovery;

  test.each([
    ['throws at once', boomRegister],
    ['rejects', () => Promise.reject(new Error('no'))],
  ])('a registration that %s: rejects, and frees the port', async (_what, register) => {
    let closed = 0;
    const transport: Transport = {
      ...net.transport,
      async listen(options) {
        const listener = await net.transport.listen(options);
        return {
          ...listener,
          close: () => {
            closed++;
            return listener.close();
          },
        };
      },
    };
    await expect(net.start('a@memory', { discovery: registering(register), transport })).rejects.toThrow('no');
    expect(closed).toBe(1);
  });

  test('an abort ends a registration that does not heed it; when it comes all the same it is closed', async () => {
    let late: (registration: Registration) => void = () => {};
    const register = (): Promise<Registration> =>
      new Promise((resolve) => {
        late = resolve;
      });
    const aborter = new AbortController();
    const starting = net.start('a@memory', { discovery: registering(register), signal: aborter.signal });
    const rejected = expect(starting).rejects.toMatchObject({ code: 'aborted' });
    await new Promise((resolve) => setImmediate(resolve));
    aborter.abort();
    await rejected;
    let closed = false;
    late({
      async close() {
        closed = true;
      },
    });
    await until(() => closed, 'the registration to be closed');
  });

  test.each([
    ['and the discovery registers, not heeding it', {}],
    ['and nobody registers', { discovery: { name: 'none', resolve: async () => [] } satisfies Discovery }],
  ])('an abort while a listener opens, %s: rejects at once, and the listener is closed', async (_what, options) => {
    const aborter = new AbortController();
    let open = (): void => {};
    let closed = 0;
    const transport: Transport = {
      ...net.transport,
      async listen(wanted) {
        await new Promise<void>((resolve) => {
          open = resolve;
        });
        const listener = await net.transport.listen(wanted);
        return {
          ...listener,
          close() {
            closed++;
            return listener.close();
          },
        };
      },
    };
    const starting = net.start('a@memory', { transport, signal: aborter.signal, ...options });
    aborter.abort();
    await expect(starting).rejects.toMatchObject({ code: 'aborted' });
    open();
    await until(() => closed === 1, 'the listener that came late to be closed');
    expect(net.ports.size).toBe(0);
  });

  test('a signal that outlives the node knows nothing of it any more', async () => {
    const { signal } = new AbortController();
    const listening = new Set<unknown>();
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
    signal.addEventListener = (type: string, listener: never, ...rest: never[]) => {
      listening.add(listener);
      add(type, listener, ...rest);
    };
    signal.removeEventListener = (type: string, listener: never, ...rest: never[]) => {
      listening.delete(listener);
      remove(type, listener, ...rest);
    };
    const { node } = await net.start('a@memory', { signal });
    expect(listening.size).toBe(1);
    await node.stop();
    expect(listening.size).toBe(0);
  });

  test('an abort before and after the start', async () => {
    await expect(net.start('a@memory', { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' });
    const aborter = new AbortController();
    const { node } = await start('a@memory', { signal: aborter.signal });
    aborter.abort();
    expect(() => node.spawnMailbox()).toThrow(/stopped/);
    await node.stop();
    expect(net.ports.size).toBe(0);
  });

  test.each([
    [undefined, false],
    [0, false],
    [-1, false],
    [2 ** 32, false],
    [1.5, false],
    [Number.NaN, false],
    ['7', false],
    [1, true],
    [3, true],
    [2 ** 32 - 1, true],
  ])('a registration with creation %s', async (creation, kept) => {
    const register = async () => ({ ...(creation === undefined ? {} : { creation }), async close() {} });
    const { node } = await start('a@memory', { discovery: registering(register) });
    if (kept) expect(node.creation).toBe(creation);
    else expect(node.creation).toBeGreaterThanOrEqual(4);
    expect(node.creation).toBeLessThan(2 ** 32);
    expect(node.spawnMailbox().pid.creation).toBe(node.creation);
    const peer = await net.reach('a@memory', 'good@memory').catch(() => undefined);
    expect(peer === undefined || peer.established?.peerCreation === node.creation).toBe(true);
  });

  test('strangers who come before the node is registered wait, the last of them', async () => {
    let registered = (): void => {};
    const register = ({ node, port }: { node: string; port: number }): Promise<Registration> => {
      net.ports.set(node, port);
      return new Promise((resolve) => {
        registered = () => resolve({ async close() {} });
      });
    };
    const starting = start('a@memory', { discovery: registering(register), limits: { unauthenticated: 3 } });
    await until(() => net.ports.has('a@memory'), 'the port');
    const { signal } = new AbortController();
    const port = net.ports.get('a@memory') as number;
    const closed: number[] = [];
    for (let i = 0; i < 10; i++) {
      const stream = await net.transport.connect({ host: 'memory', port }, { signal });
      stream.start({ onData() {}, onDrain() {}, onClose: () => closed.push(i) });
    }
    const good = net.reach('a@memory', 'good@memory');
    await until(() => closed.length === 8, 'the first eight to be dropped');
    registered();
    await starting;
    expect((await good).established).toBeDefined();
  });
});

function boomRegister(): never {
  throw new Error('no');
}

describe('the stop', () => {
  test.each([
    ['throws at once', boomRegister],
    ['rejects', () => Promise.reject(new Error('no'))],
  ])(
    'a registration and a listener whose close %s: everything else is closed, and stop() resolves',
    async (_w, close) => {
      const transport: Transport = {
        ...net.transport,
        listen: async (options) => ({ ...(await net.transport.listen(options)), close }),
      };
      const register = async ({ node, port }: { node: string; port: number }) => {
        net.ports.set(node, port);
        return { close };
      };
      const discovery = { ...net.discovery, register } as unknown as Discovery;
      const { node, log } = await start('a@memory', { transport, discovery });
      const peer = await net.reach('a@memory', 'good@memory');
      await node.stop();
      await peer.closed;
      expect(log.filter(({ level }) => level === 'error').map(({ message }) => message)).toEqual([
        'the registration failed to close',
        'the listener failed to close',
      ]);
    },
  );

  test('a carrier whose streams never close: an error in the log, and stop() resolves', async () => {
    await start('b@memory');
    const transport: Transport = {
      ...net.transport,
      async connect(endpoint, options) {
        const stream = await net.transport.connect(endpoint, options);
        return {
          remote: stream.remote,
          bufferedBytes: 0,
          start: (sink) => stream.start({ onData: (chunk) => sink.onData(chunk), onDrain() {}, onClose() {} }),
          write: (chunks) => stream.write(chunks),
          end() {},
          destroy() {},
          pause() {},
          resume() {},
          ref() {},
          unref() {},
        };
      },
    };
    const { node, log } = await start('a@memory', { transport });
    await node.connect('b@memory');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const events = node.monitorNodes();
      const stopped = node.stop();
      await vi.advanceTimersByTimeAsync(5000);
      await stopped;
      expect((await events.next()).value).toMatchObject({ type: 'nodedown' });
      expect((await events.next()).done).toBe(true);
    } finally {
      vi.useRealTimers();
    }
    expect(log.filter(({ level }) => level === 'error').map(({ message }) => message)).toEqual([
      'the carrier failed to close',
    ]);
  });

  test('what was sent to a node that is not connected yet arrives', async () => {
    const { node: b } = await start('b@memory');
    const inbox = b.spawnMailbox({ name: 'inbox' });
    const { node: a } = await start('a@memory');
    a.send({ name: 'inbox', node: 'b@memory' }, 'last words');
    await a.stop();
    expect(await inbox.receive()).toEqual(Buffer.from('last words'));
  });

  test('… but nobody waits for ever for a node that cannot be reached', async () => {
    const resolve = (): Promise<never> => new Promise(() => {});
    const { node } = await start('a@memory', { discovery: { ...net.discovery, resolve }, setupTime: 120 });
    const calling = node.call({ name: 'inbox', node: 'b@memory' }, 1);
    const stopped = node.stop();
    await expect(calling).rejects.toMatchObject({ code: 'nodedown' });
    await stopped;
  });

  test('two nodes in one process, on networks of their own, know nothing of each other', async () => {
    const one = await startNode('same@memory', { transport: memory(), discovery: network().discovery, cookie: 'x' });
    const other = await startNode('same@memory', { transport: memory(), discovery: network().discovery, cookie: 'y' });
    nodes.push(one, other);
    expect(await one.ping('same@memory')).toBe('pong');
    await one.stop();
    expect(await other.ping('same@memory')).toBe('pong');
  });
});
