// Everything that may take long takes { signal, timeout }: it ends with the same codes everywhere, says why it was
// given up, and leaves no timer, no listener and nobody who waits behind.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Discovery, Registration } from '../../src/discovery/discovery.js';
import type { Node } from '../../src/node/node.js';
import type { WaitOptions } from '../../src/process/wait.js';
import { until } from '../support/ts-node.js';
import { COOKIE, type Fake, type MemoryNode, type Network, network, timers } from './network.js';

const SILENT = 'silent@memory';
const NEVER = 'never@memory';

let net: Network;
let started: MemoryNode;
let node: Node;
/** Knows the cookie, then says nothing and reads nothing. */
let silent: Fake;

beforeEach(async () => {
  net = network();
  started = await net.start('a@memory', { limits: { busyBytes: 1000 } });
  ({ node } = started);
  silent = await net.reach('a@memory', SILENT);
  silent.stream.pause();
  await net.listen(NEVER, () => {});
  await until(() => node.nodes('connected').length === 1, 'the silent peer');
});
// The silent peer takes nothing.
afterEach(() => node.stop({ timeout: 0 }));

/** Sends more than the silent peer takes. */
async function makeBusy(): Promise<void> {
  const events = node.monitorBusy();
  node.send({ name: 'x', node: SILENT }, Buffer.alloc(5000));
  expect((await events.next()).value).toEqual({ node: SILENT, busy: true });
  await events.return?.();
}

const waits: [string, (options: WaitOptions) => Promise<unknown>][] = [
  ['node.connect', (options) => node.connect(NEVER, options)],
  ['node.call', (options) => node.call({ name: 'x', node: SILENT }, 1, options)],
  ['node.rpc', (options) => node.rpc(SILENT, 'm', 'f', [], options)],
  ['node.erpc', (options) => node.erpc(SILENT, 'm', 'f', [], options)],
  ['node.drained, connected', (options) => node.drained(SILENT, options)],
  ['node.drained, connecting', (options) => node.drained(NEVER, options)],
  ['receive', (options) => node.spawnMailbox().receive(options)],
  ['receive with a matcher', (options) => node.spawnMailbox().receive(() => false, options)],
  ['process.call', (options) => node.spawnMailbox().call({ name: 'x', node: SILENT }, 1, options)],
  ['process.drained', (options) => node.spawnMailbox().drained(SILENT, options)],
  ['process.spawnRequest', (options) => node.spawnMailbox().spawnRequest(SILENT, 'm', 'f', [], options)],
];

describe.each(waits)('%s', (name, wait) => {
  beforeEach(async () => {
    await makeBusy();
    // So that there is a connection to wait for.
    if (name.includes('connect')) node.connect(NEVER).catch(() => {});
  });

  const timedOut = name.startsWith('node.rpc') ? { code: 'badrpc', cause: { code: 'timeout' } } : { code: 'timeout' };

  test('a timeout', async () => {
    const before = timers();
    await expect(wait({ timeout: 20 })).rejects.toMatchObject(timedOut);
    await until(() => timers() <= before, 'the timers to be gone');
  });

  test('a signal that is aborted: before, and meanwhile', async () => {
    const reason = new Error('enough');
    await expect(wait({ signal: AbortSignal.abort(reason) })).rejects.toMatchObject({ code: 'aborted', cause: reason });
    const { signal, abort, listeners } = counted();
    const waiting = expect(wait({ signal, timeout: 60_000 })).rejects.toMatchObject({ code: 'aborted', cause: reason });
    await new Promise((resolve) => setImmediate(resolve));
    abort(reason);
    await waiting;
    expect(listeners()).toBe(0);
  });
});

/** A signal that counts who listens. */
function counted(): { signal: AbortSignal; abort(reason: Error): void; listeners(): number } {
  const aborter = new AbortController();
  const { signal } = aborter;
  const listening = new Set<unknown>();
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listening.add(args[1]);
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listening.delete(args[1]);
    remove(...args);
  };
  return { signal, abort: (reason) => aborter.abort(reason), listeners: () => listening.size };
}

describe('ping', () => {
  test('a timeout is a pang, for both of its halves together', async () => {
    expect(await node.ping(NEVER, { timeout: 20 })).toBe('pang');
    expect(await node.ping(SILENT, { timeout: 20 })).toBe('pang');
  });

  test('ourselves: as long as we live', async () => {
    expect(await node.ping(node.name)).toBe('pong');
    await node.stop({ timeout: 0 });
    expect(await node.ping(node.name)).toBe('pang');
    expect(await node.ping(SILENT)).toBe('pang');
  });

  test('an abort is not', async () => {
    const reason = new Error('enough');
    for (const peer of [NEVER, SILENT]) {
      const aborter = new AbortController();
      const pinging = expect(node.ping(peer, { signal: aborter.signal })).rejects.toMatchObject({
        code: 'aborted',
        cause: reason,
      });
      aborter.abort(reason);
      await pinging;
    }
  });
});

describe('drained', () => {
  test('who gave up is not remembered; who waits is told when the peer reads', async () => {
    await makeBusy();
    for (let i = 0; i < 100; i++) await expect(node.drained(SILENT, { timeout: 0 })).rejects.toThrow(/within 0 ms/);
    const waiting = node.drained(SILENT, { timeout: 60_000 });
    silent.stream.resume();
    await waiting;
    await node.drained(SILENT, { timeout: 0 });
  });

  test('it ends with its process, and with the node', async () => {
    await makeBusy();
    const me = node.spawnMailbox();
    const mine = expect(me.drained(SILENT)).rejects.toMatchObject({ code: 'killed' });
    const ours = expect(node.drained(SILENT)).rejects.toMatchObject({ code: 'shutdown' });
    node.spawnMailbox().exit(me.pid, (await import('../../src/term/atom.js')).atom('kill'));
    await mine;
    await node.stop({ timeout: 0 });
    await ours;
    await expect(node.drained(SILENT)).rejects.toMatchObject({ code: 'node_stopped' });
  });
});

describe('stop', () => {
  const hanging = (): Promise<never> => new Promise(() => {});
  const registering: Pick<Discovery, 'name' | 'register'> = {
    name: 'hangs',
    register: async (): Promise<Registration> => ({ close: hanging }),
  };

  test('a peer that does not read and a plug-in that does not close: both have the timeout, and no more', async () => {
    const { node: other, log } = await net.start('b@memory', {
      discovery: { ...net.discovery, ...registering },
      limits: { busyBytes: 1000 },
    });
    const port = { ...net.discovery, resolve: async () => [{ host: 'memory', port: other.port as number }] };
    const { node: peer } = await net.start('c@memory', { discovery: port });
    await peer.connect('b@memory');
    await other.stop({ timeout: 20 });
    expect(log.filter(({ level }) => level === 'error').map(({ message }) => message)).toEqual([
      'the registration failed to close',
    ]);
    await peer.stop();
  });

  test('a later call makes the first one hurry', async () => {
    await makeBusy();
    const { node: other } = await net.start('b@memory', { discovery: { ...net.discovery, ...registering } });
    const stopping = other.stop();
    await other.stop({ signal: AbortSignal.abort() });
    await stopping;
    const first = node.stop({ timeout: 60_000 });
    await node.stop({ timeout: 0 });
    await first;
  });

  test('what was sent arrives if the peer reads in time', async () => {
    await makeBusy();
    const before = Buffer.concat(silent.received).length;
    const stopping = node.stop({ timeout: 60_000 });
    silent.stream.resume();
    await stopping;
    await silent.closed;
    expect(Buffer.concat(silent.received).length - before).toBeGreaterThan(5000);
  });
});

describe('startNode', () => {
  const hanging = () => new Promise<never>(() => {});

  test.each<[string, object]>([
    ['a registration that never ends', { discovery: { name: 'hangs', resolve: async () => [], register: hanging } }],
    ['a listener that never opens', { transport: { name: 'hangs', connect: hanging, listen: hanging } }],
  ])('%s: it takes no longer than its timeout', async (_, options) => {
    const start = net.start('b@memory', { cookie: COOKIE, ...options, timeout: 20 });
    await expect(start).rejects.toMatchObject({ code: 'timeout', message: expect.stringContaining('20 ms') });
  });

  test('one that waits for its name', async () => {
    const options = { namedBy: NEVER, timeout: 20 };
    await expect(net.start('undefined@memory', options)).rejects.toMatchObject({ code: 'timeout' });
  });

  test('the timeout is not for the node that has started, and its signal is let go when it stops', async () => {
    const { signal, listeners } = counted();
    const { node: other } = await net.start('b@memory', { signal, timeout: 200 });
    expect(listeners()).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(await other.ping('a@memory')).toBe('pong');
    await other.stop();
    expect(listeners()).toBe(0);
  });
});

test('a busy peer that goes down is busy no more', async () => {
  await makeBusy();
  const events = node.monitorBusy();
  node.disconnect(SILENT);
  expect((await events.next()).value).toEqual({ node: SILENT, busy: false });
  await events.return?.();
});
