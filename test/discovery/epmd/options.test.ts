// What the options and the environment of epmd() change, and that nothing is left open afterwards.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { type EpmdOptions, type EpmdServer, epmd, epmdServer, type NodeName } from '../../../src/discovery/index.js';
import { ArgumentError, ConnectionError } from '../../../src/errors.js';
import { fakeEpmd } from './fake-epmd.js';
import { hasIpv6Loopback, openRaw } from './raw.js';

const signal = new AbortController().signal;
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const servers: EpmdServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function serve(): Promise<EpmdServer> {
  const server = await epmdServer({ port: 0, env: {} });
  servers.push(server);
  return server;
}

/** A discovery that finds these addresses for any host. */
const finding = (addresses: readonly string[], options: EpmdOptions) =>
  epmd({ env: {}, ...options, lookup: () => Promise.resolve(addresses) });

/** The bytes that a registration with these options sends. */
async function registrationBytes(options: EpmdOptions, hidden = false): Promise<Buffer> {
  let request: Buffer = Buffer.alloc(0);
  await using daemon = await fakeEpmd((socket, bytes) => {
    request = bytes;
    socket.write(hex('76 00 00000005'));
  });
  const discovery = epmd({ env: {}, ...options, port: daemon.port });
  const registration = await discovery.register?.({ node: 'ab@127.0.0.1', port: 0x1234, hidden }, { signal });
  await registration?.close();
  return request;
}

describe('what is registered', () => {
  test('the bytes that BEAM sends, for hidden nodes too', async () => {
    const expected = hex('000f 78 1234 4d 00 0006 0005 0002 6162 0000');
    expect(await registrationBytes({})).toEqual(expected);
    expect(await registrationBytes({}, true)).toEqual(expected);
  });

  test('ERL_EPMD_DIST_HIGH and ERL_EPMD_DIST_LOW narrow the versions', async () => {
    const versions = async (env: Record<string, string>) => (await registrationBytes({ env })).toString('hex', 7, 11);
    expect(await versions({ ERL_EPMD_DIST_HIGH: '5' })).toBe('00050005');
    expect(await versions({ ERL_EPMD_DIST_LOW: '6' })).toBe('00060006');
    expect(await versions({ ERL_EPMD_DIST_HIGH: '99', ERL_EPMD_DIST_LOW: '1' })).toBe('00060005');
    expect(await versions({ ERL_EPMD_DIST_HIGH: 'x' })).toBe('00060005');
  });
});

describe('where it asks', () => {
  test('ERL_EPMD_PORT, and the option before it', async () => {
    const server = await serve();
    const port = String(server.port);
    expect(await epmd({ env: { ERL_EPMD_PORT: port } }).names?.('127.0.0.1')).toEqual([]);
    expect(await epmd({ port: server.port, env: { ERL_EPMD_PORT: '1' } }).names?.('127.0.0.1')).toEqual([]);
    for (const wrong of ['0', '-1', '65536', 'x', '1e9'])
      expect(() => epmd({ env: { ERL_EPMD_PORT: wrong } })).toThrow(ArgumentError);
    expect(() => epmd({ port: 0, env: {} })).toThrow(ArgumentError);
    expect(() => epmd({ timeout: 0, env: {} })).toThrow(ArgumentError);
    expect(() => epmd({ timeout: Number.NaN, env: {} })).toThrow(ArgumentError);
  });

  test('localhost is where everything is', async () => {
    const server = await serve();
    const discovery = epmd({ port: server.port, env: {} });
    const registration = await discovery.register?.({ node: 'here@localhost', port: 7, hidden: false }, { signal });
    const [first] = await discovery.resolve('here@localhost', { signal });
    expect(first).toEqual({ host: '127.0.0.1', port: 7, nodeHost: 'localhost' });
    await registration?.close();
  });

  test('a host that has no address is unknown', async () => {
    const failure = { code: 'unknown_host' };
    await expect(finding([], { port: 1 }).resolve('a@nowhere', { signal })).rejects.toMatchObject(failure);
    await expect(finding(['not an address'], { port: 1 }).names?.('nowhere')).rejects.toMatchObject(failure);
    const failing = epmd({ env: {}, port: 1, lookup: () => Promise.reject(new TypeError('no name server')) });
    await expect(failing.resolve('a@nowhere', { signal })).rejects.toMatchObject(failure);
    await expect(failing.resolve('a@nowhere', { signal })).rejects.toThrow(/no name server/);
    await expect(epmd({ env: {}, port: 1 }).resolve('a@no-such-host.invalid', { signal })).rejects.toMatchObject(
      failure,
    );
  });

  test('a name server that says nothing ends at the timeout, or when the caller gives up', async () => {
    const silent = epmd({ env: {}, port: 1, timeout: 50, lookup: () => new Promise(() => {}) });
    await expect(silent.resolve('a@b', { signal })).rejects.toMatchObject({ code: 'timeout' });
    const abort = new AbortController();
    const answer = expect(
      epmd({ env: {}, lookup: () => new Promise(() => {}) }).resolve('a@b', { signal: abort.signal }),
    );
    abort.abort();
    await answer.rejects.toMatchObject({ code: 'aborted' });
  });

  test('IPv4 before IPv6, each address once, and of 10,000 addresses a few', async () => {
    const asked: string[] = [];
    await using daemon = await fakeEpmd((socket) => {
      asked.push(socket.localAddress ?? '');
      socket.end(hex('77 00 1234 4d 00 0006 0005 0001 78 0000'));
    }, '0.0.0.0');
    const loopbacks = Array.from({ length: 10_000 }, (_, i) =>
      `127.0.${i >> 8}.${(i & 255) + 1}`.replace('.256', '.0'),
    );
    const found = await finding(['127.0.0.1', ...loopbacks], { port: daemon.port }).resolve('x@many', { signal });
    expect(found).toHaveLength(8);
    expect(found[0]).toEqual({ host: '127.0.0.1', port: 0x1234, nodeHost: 'many' });
    expect(asked).toHaveLength(8);

    const server = await serve();
    const node = await openRaw(server.port);
    node.send(hex('000e 78 0009 4d 00 0006 0005 0001 78 0000'));
    await node.received(6);
    const both = await finding(['::1', '127.0.0.1', '::1'], { port: server.port }).resolve('x@both', { signal });
    expect(both.map(({ host }) => host)).toEqual(hasIpv6Loopback ? ['127.0.0.1', '::1'] : ['127.0.0.1']);
    await node.end();
  });

  test('one address that answers is enough', async () => {
    const server = await serve();
    const node = await openRaw(server.port);
    node.send(hex('000e 78 0009 4d 00 0006 0005 0001 78 0000'));
    await node.received(6);
    const silent = await fakeEpmd(() => {}, '127.0.0.9', server.port);
    const discovery = finding(['127.0.0.8', '127.0.0.9', '127.0.0.1'], { port: server.port });
    expect(await discovery.resolve('x@some', { signal })).toEqual([{ host: '127.0.0.1', port: 9, nodeHost: 'some' }]);
    expect(await finding(['127.0.0.8', '127.0.0.1'], { port: server.port }).names?.('some')).toEqual([
      { name: 'x', port: 9 },
    ]);
    await silent.close();
    await node.end();
  });

  test('the host option says where to register, and changes nothing else', async () => {
    const server = await serve();
    const elsewhere = epmd({ port: server.port, host: '127.0.0.8', env: {} });
    await expect(elsewhere.register?.({ node: 'x@127.0.0.1', port: 1, hidden: false }, { signal })).rejects.toSatisfy(
      (error) =>
        error instanceof ConnectionError && error.code === 'epmd_unreachable' && error.message.includes('127.0.0.8'),
    );
    expect(await elsewhere.resolve('x@127.0.0.1', { signal })).toEqual([]);
    if (!hasIpv6Loopback) return;
    const six = await epmd({ port: server.port, host: '::1', env: {} }).register?.(
      { node: 'six@127.0.0.1', port: 6, hidden: false },
      { signal },
    );
    expect(server.names()).toEqual([{ name: 'six', port: 6 }]);
    await six?.close();
  });
});

test('what cannot be asked or registered is the caller’s fault', async () => {
  const discovery = epmd({ port: 1, env: {} });
  const self = { node: 'x@127.0.0.1', port: 1, hidden: false } as const;
  const names = ['alone', '@host', 'alive@', 'a@b@c', '@', 'a\nb@h', `${'a'.repeat(256)}@h`, '\u0000@h'] as NodeName[];
  for (const node of names) {
    await expect(discovery.resolve(node, { signal }), node).rejects.toBeInstanceOf(ArgumentError);
    await expect(discovery.register?.({ ...self, node }, { signal }), node).rejects.toBeInstanceOf(ArgumentError);
  }
  for (const port of [0, -1, 65_536, 1.5, Number.NaN])
    await expect(discovery.register?.({ ...self, port }, { signal }), `${port}`).rejects.toBeInstanceOf(ArgumentError);
});

/** A process that registers, asks and closes must end by itself: no timer, no socket is left. */
const program = (url: string, end: string) => `
  import { createServer } from 'node:net';
  import { epmd, epmdServer } from ${JSON.stringify(url)};
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  const signal = new AbortController().signal;
  const discovery = epmd({ port, embedded: true, env: {} });
  const one = await discovery.register({ node: 'one@127.0.0.1', port: 1, hidden: true }, { signal });
  const two = await epmd({ port, env: {} }).register({ node: 'two@127.0.0.1', port: 2, hidden: true }, { signal });
  const found = await discovery.resolve('two@127.0.0.1', { signal });
  const names = await discovery.names('127.0.0.1');
  console.log(found.length, names.length);
  ${end}
`;

describe('a process ends by itself', () => {
  test.each([
    [
      'after everything is closed, with nothing open',
      `await two.close();
       await one.close();
       const open = process.getActiveResourcesInfo().filter((name) => /TCP|Timeout|Socket|Server/.test(name));
       console.log(JSON.stringify(open));`,
      '1 2\n[]\n',
    ],
    ['although nothing was closed', '', '1 2\n'],
    [
      'although a registration is lost and waits for EPMD',
      `const server = await epmdServer({ port: 0, env: {} });
       const lost = new Promise((resolve) => {
         void epmd({ port: server.port, env: {} })
           .register({ node: 'a@127.0.0.1', port: 3, hidden: true }, { signal, onStatus: resolve })
           .then(() => server.close());
       });
       const alive = setInterval(() => {}, 1000);
       console.log((await lost).state);
       clearInterval(alive);`,
      '1 2\nlost\n',
    ],
  ])('%s', async (_, end, output) => {
    const url = new URL('../../../lib/discovery/index.js', import.meta.url).href;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program(url, end)], {
      timeout: 12_000,
    });
    expect(stdout).toBe(output);
  });
});
