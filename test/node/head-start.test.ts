// Connecting to a node that may be at several places, of which some swallow packets, stay silent or refuse: whoever
// answers first is taken, and the others cost neither the setup time nor a socket.
import { createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { type Discovery, epmd, srv, staticNodes } from '../../src/discovery/index.js';
import type { ConnectionError } from '../../src/errors.js';
import { Race } from '../../src/node/open-stream.js';
import { startNode } from '../../src/start-node.js';
import { tcp } from '../../src/transport/tcp.js';
import { tls } from '../../src/transport/tls.js';
import type { ByteStream, Endpoint, Transport } from '../../src/transport/transport.js';
import { hasIpv6Loopback } from '../discovery/epmd/raw.js';
import { type BlackHole, startBlackHole } from '../support/black-hole.js';
import { certificateFolder, makeCertificates } from '../support/certificates.js';
import { startDnsServer } from '../support/dns-server.js';
import { startErlang } from '../support/erlang.js';
import { freePort } from '../support/free-port.js';

const cookie = 'head-start';
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function blackHole(host?: string, port?: number): Promise<BlackHole> {
  const hole = await startBlackHole(host, port);
  closing.push(() => hole.stop());
  return hole;
}

/** A discovery that says the same of everybody. */
const at = (...places: readonly Endpoint[]): Discovery => ({ name: 'own', resolve: () => Promise.resolve(places) });

/** A node that nobody connects to. */
async function start(discovery: Discovery, options: { readonly setupTime?: number } = {}) {
  const node = await startNode('ts@127.0.0.1', { cookie, discovery, listen: false, ...options });
  closing.push(() => node.stop());
  return node;
}

async function startBeam(name?: string) {
  const beam = await startErlang({ cookie, ...(name === undefined ? {} : { name }) });
  closing.push(() => beam.stop());
  const [place] = await epmd({ port: beam.epmdPort, lookup: async () => ['127.0.0.1'] }).resolve(
    beam.name as `${string}@${string}`,
    {
      signal: new AbortController().signal,
    },
  );
  if (place === undefined) throw new Error('EPMD does not know the node');
  return { name: beam.name, port: place.port };
}

/** Sockets of this process. */
const sockets = () => process.getActiveResourcesInfo().filter((name) => name.startsWith('TCP')).length;

/** How a transport of somebody's own may connect. */
const carriers: readonly [string, () => unknown][] = [
  ['gives no stream', () => undefined],
  ['gives no stream when it is too late', () => new Promise((resolve) => setTimeout(resolve, 150))],
  ['gives one too late that cannot be closed', () => new Promise((resolve) => setTimeout(resolve, 150, unclosable))],
  ['throws nothing that is an error', () => Promise.reject(undefined as unknown as Error)],
];
const unclosable = {
  start() {},
  destroy() {
    throw new TypeError('not now');
  },
};

test.each(carriers)("a transport that %s is an error of the attempt and nobody else's", async (_, connect) => {
  const transport = { ...tcp(), connect: connect as Transport['connect'] };
  const uncaught: unknown[] = [];
  const onUncaught = (error: unknown): void => void uncaught.push(error);
  process.on('uncaughtException', onUncaught).on('unhandledRejection', onUncaught);
  try {
    const node = await startNode('ts@127.0.0.1', {
      ...{ cookie, transport, listen: false, setupTime: 0.1 },
      discovery: at({ host: '127.0.0.1', port: 1 }, { host: '127.0.0.1', port: 2 }),
    });
    closing.push(() => node.stop());
    await expect(node.connect('e@127.0.0.1')).rejects.toMatchObject({ name: 'ConnectionError' });
    await new Promise((resolve) => setTimeout(resolve, 400));
  } finally {
    process.off('uncaughtException', onUncaught).off('unhandledRejection', onUncaught);
  }
  expect(uncaught).toEqual([]);
});

test('a black hole is one: who goes there alone runs out of time', async () => {
  const hole = await blackHole();
  const node = await start(at(hole), { setupTime: 1 });
  const error = await node.connect('e@127.0.0.1').catch((caught: unknown) => caught as ConnectionError);
  expect(error).toMatchObject({ code: 'timeout' });
  expect(String(error)).toContain(`tcp was waiting for 127.0.0.1:${hole.port}`);
});

describe('a BEAM is reached although', () => {
  test('the first two of its places are black holes, and the third refuses', async () => {
    const [first, second] = [await blackHole(), await blackHole('127.0.0.2')];
    const beam = await startBeam();
    const refusing = { host: '127.0.0.1', port: await freePort() };
    const node = await start(at(first, second, refusing, { host: '127.0.0.1', port: beam.port }));
    expect(await node.ping(beam.name)).toBe('pong');
  });

  test('IPv6 is tried first and goes nowhere', async () => {
    // Where there is no IPv6 it is another address of the same host.
    const nowhere = hasIpv6Loopback ? '::1' : '127.0.0.2';
    const beam = await startBeam('e-0@cluster.test');
    await blackHole(nowhere, beam.port);
    const dns = await startDnsServer([
      `srv-host=e-0.cluster.test,e-0.cluster.test,${beam.port},0,0`,
      'host-record=e-0.cluster.test,127.0.0.1',
      `host-record=e-0.cluster.test,${nowhere}`,
    ]);
    closing.push(() => dns.stop());
    const discovery = srv({ servers: [dns.address], families: [6, 4], env: {} });
    const places = await discovery.resolve('e-0@cluster.test', { signal: new AbortController().signal });
    expect(places.map(({ host }) => host)).toContain(nowhere);
    if (hasIpv6Loopback) expect(places[0]?.host).toBe('::1');
    const node = await start(discovery);
    expect(await node.ping(beam.name)).toBe('pong');
  });

  test('the SRV record of the best priority leads into a black hole', async () => {
    const beam = await startBeam('e-1@cluster.test');
    const hole = await blackHole('127.0.0.2');
    const dns = await startDnsServer([
      `srv-host=e-1.cluster.test,hole.cluster.test,${hole.port},1,0`,
      `srv-host=e-1.cluster.test,beam.cluster.test,${beam.port},2,0`,
      'host-record=hole.cluster.test,127.0.0.2',
      'host-record=beam.cluster.test,127.0.0.1',
    ]);
    closing.push(() => dns.stop());
    const node = await start(srv({ servers: [dns.address], env: {} }));
    expect(await node.ping(beam.name)).toBe('pong');
  });
});

test('over TLS, a place that takes the connection and says nothing is no more in the way than one that does not', async () => {
  const files = await makeCertificates(certificateFolder(), { ts: { issuer: 'cluster', hosts: ['127.0.0.1'] } });
  const taken: Socket[] = [];
  const silent = createServer((socket) => taken.push(socket));
  const port = await new Promise<number>((resolve) => {
    silent.listen(0, '127.0.0.1', () => resolve((silent.address() as { port: number }).port));
  });
  closing.push(() => {
    for (const socket of taken) socket.destroy();
    silent.close();
  });
  const discovery = staticNodes({ env: {} });
  const there = await startNode('there@127.0.0.1', { cookie, discovery, transport: tls(files.ts) });
  closing.push(() => there.stop());
  const places = at({ host: '127.0.0.1', port }, { host: '127.0.0.1', port: there.port as number });
  const here = await startNode('here@127.0.0.1', {
    cookie,
    discovery: places,
    transport: tls(files.ts),
    listen: false,
  });
  closing.push(() => here.stop());
  expect(await here.ping(there.name)).toBe('pong');
  expect(taken).toHaveLength(1);
});

describe('when none of its places answers', () => {
  test('the error says what each did, and no socket is left', async () => {
    const hole = await blackHole();
    const refusing = await freePort();
    const node = await start(at({ host: '127.0.0.1', port: refusing }, hole), { setupTime: 1 });
    const before = sockets();
    const error = await node.connect('e@127.0.0.1').catch((caught: unknown) => caught as ConnectionError);
    expect(error).toMatchObject({ code: 'timeout' });
    expect(String(error)).toMatch(new RegExp(`waiting for 127.0.0.1:${hole.port}; .*127.0.0.1:${refusing}: nothing`));
    await expect.poll(sockets).toBe(before);
  });

  test('and all refuse, the error is theirs', async () => {
    const places = [await freePort(), await freePort()].map((port) => ({ host: '127.0.0.1', port }));
    const node = await start(at(...places));
    const error = await node.connect('e@127.0.0.1').catch((caught: unknown) => caught as ConnectionError);
    expect(error).toMatchObject({ code: 'econnrefused' });
    for (const { port } of places) expect(String(error)).toContain(`127.0.0.1:${port}`);
  });

  test('who gives up is heard at once, and no socket is left', async () => {
    const hole = await blackHole();
    const node = await start(at(hole, { ...hole }, { ...hole }));
    const before = sockets();
    const aborter = new AbortController();
    const attempt = node.connect('e@127.0.0.1', { signal: aborter.signal });
    await expect.poll(sockets).toBe(before + 3);
    aborter.abort();
    await expect(attempt).rejects.toMatchObject({ code: 'aborted' });
    // Others who want the same connection may go on waiting for it.
    await node.stop();
    await expect.poll(sockets).toBe(before);
  });
});

describe('the race', () => {
  interface Runner {
    readonly host: string;
    readonly signal: AbortSignal;
    arrive(): Destroyed;
    fail(code: 'econnrefused' | 'timeout'): void;
  }
  interface Destroyed {
    destroyed: boolean;
  }

  /** A transport whose attempts come to what the test says. */
  function track(count: number) {
    const runners: Runner[] = [];
    const transport: Transport = {
      ...tcp(),
      connect: ({ host }, { signal }) =>
        new Promise((resolve, reject) => {
          runners.push({
            host,
            signal,
            arrive() {
              const stream = { destroyed: false, destroy: () => (stream.destroyed = true) };
              resolve(stream as unknown as ByteStream);
              return stream;
            },
            fail: (code) => reject(Object.assign(new TypeError(code), { code })),
          });
        }),
    };
    const places = Array.from({ length: count }, (_, i) => ({ host: `p${i}`, port: 1 }));
    return { race: new Race('e@h', places, transport), runners };
  }
  const never = () => new AbortController().signal;

  test('keeps to the order of the places, and lets the next one go at once when one has failed', async () => {
    const { race, runners } = track(4);
    const won = race.run(never());
    for (let i = 0; i < 3; i++) {
      runners[i]?.fail('econnrefused');
      await expect.poll(() => runners.length).toBe(i + 2);
    }
    expect(runners.map(({ host }) => host)).toEqual(['p0', 'p1', 'p2', 'p3']);
    const stream = runners[3]?.arrive();
    expect(await won).toBe(stream);
  });

  test('goes to the first that arrives; the others are given up, and closed if they arrive all the same', async () => {
    const { race, runners } = track(3);
    const won = race.run(never());
    await expect.poll(() => runners.length).toBe(2);
    const stream = runners[1]?.arrive();
    expect(await won).toBe(stream);
    expect(runners.map(({ signal }) => signal.aborted)).toEqual([true, false]);
    const late = runners[0]?.arrive();
    await expect.poll(() => late?.destroyed).toBe(true);
    expect(stream?.destroyed).toBe(false);
    // Nobody starts who had not started.
    expect(runners).toHaveLength(2);
  });

  test('has one winner of those that arrive together', async () => {
    const { race, runners } = track(2);
    const won = race.run(never());
    await expect.poll(() => runners.length).toBe(2);
    const both = [runners[1]?.arrive(), runners[0]?.arrive()];
    expect(await won).toBe(both[0]);
    await expect.poll(() => both.map((each) => each?.destroyed)).toEqual([false, true]);
  });

  test('waits for those under way when the last one to start has failed', async () => {
    const { race, runners } = track(2);
    const won = race.run(never());
    await expect.poll(() => runners.length).toBe(2);
    runners[1]?.fail('timeout');
    const stream = runners[0]?.arrive();
    expect(await won).toBe(stream);
  });
});
