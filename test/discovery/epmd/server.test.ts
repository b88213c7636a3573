// Our server where the daemon is no oracle: limits, addresses, options, and real programs of OTP that talk to it.
import { execFile } from 'node:child_process';
import type { Socket } from 'node:net';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { type EpmdServer, type EpmdServerOptions, epmdServer } from '../../../src/discovery/index.js';
import { ArgumentError } from '../../../src/errors.js';
import { startErlang } from '../../support/erlang.js';
import { freePort } from '../../support/free-port.js';
import { otpCommand } from '../../support/otp-command.js';
import { alive2, framed, hasIpv6Loopback, openRaw } from './raw.js';

/** `::1` where this machine has it. */
const six = hasIpv6Loopback ? ['::1'] : [];
const servers: EpmdServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function start(options: EpmdServerOptions = {}): Promise<EpmdServer> {
  const server = await epmdServer({ port: 0, env: {}, ...options });
  servers.push(server);
  return server;
}

const names = framed(Buffer.from('n'));
const register = (name: string, port = 1) => framed(alive2({ name, port }));

/** Sends a request and reads until the server closes. */
async function answer(server: EpmdServer, bytes: Buffer, host?: string): Promise<Buffer> {
  const exchange = await openRaw(server.port, host);
  exchange.send(bytes);
  expect(await exchange.closed()).toBe('closed');
  return exchange.bytes();
}

describe('where it listens', () => {
  test('on loopback only, unless it is told otherwise', async () => {
    expect((await start()).addresses).toEqual(['127.0.0.1', ...six]);
    expect((await start({ address: '127.0.0.2' })).addresses).toEqual(['127.0.0.1', ...six, '127.0.0.2']);
    expect((await start({ address: ['127.0.0.2', '127.0.0.1'] })).addresses).toEqual([
      ...six,
      '127.0.0.2',
      '127.0.0.1',
    ]);
    const listed = await start({ env: { ERL_EPMD_ADDRESS: '127.0.0.2, 127.0.0.3' } });
    expect(listed.addresses).toEqual(['127.0.0.1', ...six, '127.0.0.2', '127.0.0.3']);
  });

  test('IPv4 and IPv6 serve the same names', async () => {
    const server = await start();
    const hosts = ['127.0.0.1', ...six];
    const node = await openRaw(server.port, hosts.at(-1));
    node.send(register('six', 6));
    await node.received(6);
    for (const host of hosts)
      expect((await answer(server, names, host)).toString('utf8', 4)).toBe('name six at port 6\n');
    await node.end();
  });

  test('the port of the option, of ERL_EPMD_PORT, or an error that says which was wrong', async () => {
    const port = await freePort();
    expect((await start({ port, env: { ERL_EPMD_PORT: '1' } })).port).toBe(port);
    const other = await freePort();
    const server = await epmdServer({ env: { ERL_EPMD_PORT: String(other) } });
    servers.push(server);
    expect(server.port).toBe(other);
    for (const wrong of ['x', '65536', '-1', '4369 '.repeat(2)])
      await expect(epmdServer({ env: { ERL_EPMD_PORT: wrong } })).rejects.toThrow(/ERL_EPMD_PORT/);
    await expect(epmdServer({ port: 1.5, env: {} })).rejects.toBeInstanceOf(ArgumentError);
    await expect(epmdServer({ port: 0, env: {}, address: 'localhost' })).rejects.toBeInstanceOf(ArgumentError);
  });

  test('a port that is taken is an error, and nothing is left open', async () => {
    const first = await start();
    await expect(epmdServer({ port: first.port, env: {} })).rejects.toMatchObject({ code: 'address_in_use' });
    await first.close();
    await start({ port: first.port });
  });

  test('an address that this machine has not is an error', async () => {
    await expect(epmdServer({ port: 0, env: {}, address: '192.0.2.1' })).rejects.toMatchObject({
      code: 'address_in_use',
    });
  });
});

describe('strangers', () => {
  test('1,024 idle ones do not keep it from serving', async () => {
    const server = await start();
    const idle = await Promise.all(Array.from({ length: 1024 }, () => openRaw(server.port)));
    const node = await openRaw(server.port);
    node.send(register('served'));
    await node.received(6);
    expect((await answer(server, names)).toString('utf8', 4)).toBe('name served at port 1\n');
    for (const { socket } of idle) socket.destroy();
    await node.end();
  });

  test('beyond the limit the oldest goes first, and registrations stay', async () => {
    const server = await start({ maxConnections: 3 });
    const node = await openRaw(server.port);
    node.send(register('old'));
    await node.received(6);
    const idle = [await openRaw(server.port), await openRaw(server.port), await openRaw(server.port)];
    const fourth = await openRaw(server.port);
    expect(await idle[0]?.closed()).toBe('closed');
    expect(await idle[1]?.closed(50)).toBe('open');
    expect(await node.closed(50)).toBe('open');
    for (const exchange of [...idle, fourth, node]) await exchange.end();
  });

  test('the time for a request is not moved by bytes that drip', async () => {
    const server = await start({ packetTimeout: 0.3 });
    const exchange = await openRaw(server.port);
    const bytes = framed(Buffer.alloc(3000, 'z'));
    let sent = 0;
    const dripping = setInterval(() => exchange.send(bytes.subarray(sent++, sent)), 20);
    expect(await exchange.closed()).toBe('closed');
    clearInterval(dripping);
    expect(sent).toBeLessThan(bytes.length);
  });

  test('one that was refused may stay as long as an idle one', async () => {
    const server = await start({ packetTimeout: 2 });
    const node = await openRaw(server.port);
    node.send(register('taken'));
    await node.received(6);
    const refused = await openRaw(server.port);
    refused.send(register('taken'));
    expect((await refused.received(6))[1]).toBe(1);
    expect(await refused.closed()).toBe('closed');
    expect(await node.closed(50)).toBe('open');
    await node.end();
  });

  test('who asks and never reads keeps nobody else waiting', async () => {
    const server = await start({ packetTimeout: 30, maxNames: 300 });
    const nodes = await Promise.all(
      Array.from({ length: 300 }, async (_, i) => {
        const node = await openRaw(server.port);
        node.send(register(`${'n'.repeat(200)}${i}`));
        await node.received(6);
        return node;
      }),
    );
    const deaf: Socket[] = [];
    for (let i = 0; i < 100; i++) {
      const { socket } = await openRaw(server.port);
      socket.pause();
      socket.write(names);
      deaf.push(socket);
    }
    expect((await answer(server, names)).toString().split('\n')).toHaveLength(301);
    const more = await openRaw(server.port);
    more.send(register('one more'));
    expect((await more.received(6))[1]).toBe(1);
    for (const { socket } of [...nodes, more]) socket.destroy();
    for (const socket of deaf) socket.destroy();
  });

  test('whoever is turned away is told about, without raw bytes', async () => {
    const refusals: string[] = [];
    const server = await start({
      packetTimeout: 2,
      maxConnections: 2,
      onRefused: ({ remote, why }) => refusals.push(`${remote.replace(/\d+$/, '#')} ${why}`),
    });
    await answer(server, framed(Buffer.from('?\u001b[2J')));
    const forged = await openRaw(server.port);
    forged.send(register('a\u001b[2J'));
    await forged.received(6);
    const idle = [await openRaw(server.port), await openRaw(server.port)];
    for (const exchange of [forged, ...idle]) expect(await exchange.closed()).toBe('closed');
    expect(refusals).toHaveLength(5);
    expect(refusals[0]).toBe('127.0.0.1:# EPMD protocol: expected a request EPMD knows, got op 63');
    expect(refusals[1]).toMatch(/control character/);
    expect(refusals[2]).toMatch(/maxConnections/);
    expect(refusals[3]).toMatch(/within 2 s/);
    expect(refusals.join('')).not.toMatch(/\p{Cc}/u);
  });

  test('delays play a busy daemon', async () => {
    const server = await start({ delayAccept: 0.05, delayWrite: 0.05 });
    expect((await answer(server, names)).readUInt32BE(0)).toBe(server.port);
    const node = await openRaw(server.port);
    node.send(register('late'));
    expect((await node.received(6))[1]).toBe(0);
    await node.end();
  });
});

describe('its end', () => {
  test('close() ends registrations and strangers, twice is once, and the port is free', async () => {
    const server = await start();
    const node = await openRaw(server.port);
    node.send(register('a'));
    await node.received(6);
    expect(server.names()).toEqual([{ name: 'a', port: 1 }]);
    const idle = await openRaw(server.port);
    await Promise.all([server.close(), server.close()]);
    expect(await node.closed()).toBe('closed');
    expect(await idle.closed()).toBe('closed');
    expect(await server.ended).toBe('closed');
    expect(server.names()).toEqual([]);
    await start({ port: server.port });
  });

  test('KILL ends the server and not the process', async () => {
    const server = await start();
    expect((await answer(server, framed(Buffer.from('k')))).toString()).toBe('OK');
    expect(await server.ended).toBe('killed');
  });
});

const run = promisify(execFile);

/** OTP's own command line program, asking the EPMD on that port. */
async function epmdCommand(port: number, ...args: string[]): Promise<string> {
  const [command, ...prefix] = otpCommand('epmd');
  const { stdout, stderr } = await run(command, [...prefix, '-port', String(port), ...args]).catch(
    (error: { stdout: string; stderr: string }) => error,
  );
  return `${stdout}${stderr}`;
}

describe('the epmd command', () => {
  test('-names, -kill, -stop', async () => {
    const server = await start();
    const node = await openRaw(server.port);
    node.send(register('shown', 4711));
    await node.received(6);
    expect(await epmdCommand(server.port, '-names')).toBe(
      `epmd: up and running on port ${server.port} with data:\nname shown at port 4711\n`,
    );
    expect(await epmdCommand(server.port, '-kill')).toMatch(/not allowed/);
    expect(await epmdCommand(server.port, '-stop', 'shown')).not.toMatch(/STOPPED/);
    expect(server.names()).toHaveLength(1);
    await node.end();
    expect(await epmdCommand(server.port, '-kill')).toMatch(/Killed/);
    expect(await server.ended).toBe('killed');
    expect(await epmdCommand(server.port, '-names')).toMatch(/Cannot connect/);
  });

  test('-stop and -kill with the relaxed command check', async () => {
    const server = await start({ env: { ERL_EPMD_RELAXED_COMMAND_CHECK: '' } });
    const node = await openRaw(server.port);
    node.send(register('shown'));
    await node.received(6);
    expect(await epmdCommand(server.port, '-stop', 'nobody')).toMatch(/NOEXIST/);
    expect(await epmdCommand(server.port, '-stop', 'shown')).toMatch(/STOPPED/);
    expect(await node.closed()).toBe('closed');
    const other = await openRaw(server.port);
    other.send(register('other'));
    await other.received(6);
    expect(await epmdCommand(server.port, '-kill')).toMatch(/Killed/);
    expect(await server.ended).toBe('killed');
  });
});

describe('a real erl', () => {
  test('starts, lists, and restarts with the next creation; its name is taken while it lives', async () => {
    const server = await start();
    const creationOf = 'erts_internal:get_creation()';
    const first = await startErlang({ name: 'twice', epmdPort: server.port });
    const creation = Number(await first.eval(creationOf));
    const [registered] = server.names();
    expect(registered?.name).toBe('twice');
    expect(await first.eval('erl_epmd:names()')).toBe(`{ok,[{"twice",${registered?.port}}]}`);
    expect(await first.eval('erl_epmd:port_please("twice", {127,0,0,1})')).toBe(`{port,${registered?.port},6}`);
    expect(await first.eval('erl_epmd:port_please("nobody", {127,0,0,1})')).toBe('noport');
    await expect(startErlang({ name: 'twice', epmdPort: server.port })).rejects.toThrow(/in use|duplicate_name/);
    await first.stop();
    await expect.poll(() => server.names(), { timeout: 10_000 }).toEqual([]);
    await using second = await startErlang({ name: 'twice', epmdPort: server.port });
    expect(Number(await second.eval(creationOf))).toBe(creation + 1);
  });

  test('two of them find each other', async () => {
    const server = await start();
    await using one = await startErlang({ epmdPort: server.port });
    await using two = await startErlang({ epmdPort: server.port, cookie: one.cookie });
    expect(await one.eval(`net_adm:ping('${two.name}')`)).toBe('pong');
    expect(server.names()).toHaveLength(2);
  });

  test('registers again when the server is back', async () => {
    const server = await start();
    await using erlang = await startErlang({ name: 'back', epmdPort: server.port });
    const before = server.names();
    await server.close();
    const again = await start({ port: server.port });
    await expect.poll(() => again.names(), { timeout: 10_000 }).toEqual(before);
    expect(await erlang.eval('node()')).toBe("'back@127.0.0.1'");
  });
});
