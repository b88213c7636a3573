// epmd({ embedded: true }): one server per port whoever starts first, gone with the last who needs it.
import { describe, expect, test } from 'vitest';
import {
  type Discovery,
  epmd,
  epmdServer,
  type NodeName,
  type Registration,
  type RegistrationStatus,
} from '../../../src/discovery/index.js';
import { startEpmd } from '../../support/epmd.js';
import { startErlang } from '../../support/erlang.js';
import { freePort } from '../../support/free-port.js';
import { fakeEpmd } from './fake-epmd.js';
import { framed, openRaw } from './raw.js';

const signal = new AbortController().signal;

async function register(
  discovery: Discovery,
  node: NodeName,
  onStatus: (status: RegistrationStatus) => void = () => {},
): Promise<Registration> {
  const registration = await discovery.register?.({ node, port: 4001, hidden: false }, { signal, onStatus });
  if (registration === undefined) throw new TypeError('epmd() registers');
  return registration;
}

const listens = (port: number) =>
  openRaw(port).then(
    async (exchange) => {
      await exchange.end();
      return true;
    },
    () => false,
  );

const aliveNames = async (discovery: Discovery) =>
  (await discovery.names?.('127.0.0.1'))?.map(({ name }) => name).sort();

test('a server comes with the first registration and goes with the last', async () => {
  const port = await freePort();
  const discovery = epmd({ port, embedded: true, env: {} });
  expect(await listens(port)).toBe(false);
  const one = await register(discovery, 'one@127.0.0.1');
  const two = await register(discovery, 'two@127.0.0.1');
  expect(await aliveNames(discovery)).toEqual(['one', 'two']);
  await one.close();
  expect(await aliveNames(discovery)).toEqual(['two']);
  await two.close();
  expect(await listens(port)).toBe(false);
});

test('a real erl registers there, and is found', async () => {
  const port = await freePort();
  const discovery = epmd({ port, embedded: true, env: {} });
  const registration = await register(discovery, 'ts@127.0.0.1');
  await using erlang = await startErlang({ name: 'beam', epmdPort: port });
  expect(await erlang.eval('{ok, Names} = erl_epmd:names(), lists:sort([N || {N, _} <- Names])')).toBe('["beam","ts"]');
  expect(await discovery.resolve('beam@127.0.0.1', { signal })).toHaveLength(1);
  await registration.close();
});

test('a daemon that is there is used, and no second one served', async () => {
  const daemon = await startEpmd();
  const registration = await register(epmd({ port: daemon.port, embedded: true, env: {} }), 'guest@127.0.0.1');
  expect(await daemon.names()).toEqual([{ name: 'guest', port: 4001 }]);
  await registration.close();
  await daemon.stop();
  expect(await listens(daemon.port)).toBe(false);
});

test('of many that start at once, one serves and all are registered', async () => {
  const port = await freePort();
  const discoveries = Array.from({ length: 8 }, () => epmd({ port, embedded: true, env: {} }));
  const registrations = await Promise.all(discoveries.map((discovery, i) => register(discovery, `n${i}@127.0.0.1`)));
  expect(await aliveNames(epmd({ port, env: {} }))).toEqual(discoveries.map((_, i) => `n${i}`));
  await Promise.all(registrations.map((registration) => registration.close()));
  expect(await listens(port)).toBe(false);
});

test('a failed registration takes its server along', async () => {
  const port = await freePort();
  const discovery = epmd({ port, embedded: { maxNames: 0 }, env: {} });
  await expect(register(discovery, 'one@127.0.0.1')).rejects.toMatchObject({ code: 'duplicate_name' });
  expect(await listens(port)).toBe(false);
});

test('what keeps it from serving is the error, not that nobody serves', async () => {
  const port = await freePort();
  const discovery = epmd({ port, embedded: { address: '192.0.2.1' }, env: {} });
  await expect(register(discovery, 'one@127.0.0.1')).rejects.toThrow(/192\.0\.2\.1/);
  expect(await listens(port)).toBe(false);
});

test('a port of another program is no place to serve, and the error says who is there', async () => {
  await using other = await fakeEpmd((socket) => socket.end('SSH-2.0-something\r\n'));
  const discovery = epmd({ port: other.port, embedded: true, env: {} });
  await expect(register(discovery, 'one@127.0.0.1')).rejects.toMatchObject({ code: 'unexpected_message' });
});

describe('who takes over', () => {
  test('when the daemon vanishes: we serve, with the creation we had', async () => {
    const daemon = await startEpmd();
    const seen: string[] = [];
    const discovery = epmd({ port: daemon.port, embedded: true, env: {} });
    const registration = await register(discovery, 'heir@127.0.0.1', ({ state }) => void seen.push(state));
    const { creation } = registration;
    await daemon.stop();
    await expect.poll(() => seen, { timeout: 8000 }).toEqual(['lost', 'registered']);
    expect(await aliveNames(discovery)).toEqual(['heir']);
    expect(registration.creation).toBe(creation);
    await registration.close();
    expect(await listens(daemon.port)).toBe(false);
  });

  test('when the one that served is done: another of those that are left', async () => {
    const port = await freePort();
    const first = await register(epmd({ port, embedded: true, env: {} }), 'first@127.0.0.1');
    const seen: string[] = [];
    const second = await register(epmd({ port, embedded: true, env: {} }), 'second@127.0.0.1', ({ state }) => {
      seen.push(state);
    });
    await first.close();
    await expect.poll(() => seen, { timeout: 8000 }).toEqual(['lost', 'registered']);
    expect(await aliveNames(epmd({ port, env: {} }))).toEqual(['second']);
    await second.close();
  });

  test('after KILL: another daemon, not we', async () => {
    const port = await freePort();
    const seen: RegistrationStatus[] = [];
    const discovery = epmd({ port, embedded: { relaxedCommandCheck: true }, env: {} });
    const registration = await register(discovery, 'killed@127.0.0.1', (status) => void seen.push(status));
    const kill = await openRaw(port);
    kill.send(framed(Buffer.from('k')));
    expect(await kill.closed()).toBe('closed');
    expect(kill.bytes().toString()).toBe('OK');
    const codes = () => seen.map((status) => (status.state === 'lost' ? status.error.code : status.state));
    await expect.poll(codes, { timeout: 8000 }).toEqual(['connection_closed', 'epmd_unreachable']);
    const server = await epmdServer({ port, env: {} });
    await expect.poll(codes, { timeout: 8000 }).toEqual(['connection_closed', 'epmd_unreachable', 'registered']);
    expect(server.names()).toEqual([{ name: 'killed', port: 4001 }]);
    await registration.close();
    await server.close();
  });
});
