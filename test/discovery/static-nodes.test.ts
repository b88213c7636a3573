import { describe, expect, test } from 'vitest';
import { epmd, firstOf, type NodeName, staticNodes } from '../../src/discovery/index.js';
import { ArgumentError } from '../../src/errors.js';
import { startErlang } from '../support/erlang.js';
import { freePort } from '../support/free-port.js';
import { openRaw } from './epmd/raw.js';

const signal = new AbortController().signal;

describe('one port for every node', () => {
  test('the option, else ERL_DIST_PORT, else none', async () => {
    const places = (port: number) => [{ host: 'h.example', port, nodeHost: 'h.example' }];
    const one = staticNodes({ port: 9100, env: { ERL_DIST_PORT: '9200' } });
    expect(await one.resolve('a@h.example', { signal })).toEqual(places(9100));
    expect(one.listenPort('me@here')).toBe(9100);
    const variable = staticNodes({ env: { ERL_DIST_PORT: '9200' } });
    expect(await variable.resolve('a@h.example', { signal })).toEqual(places(9200));
    expect(variable.listenPort('me@here')).toBe(9200);
    for (const off of [staticNodes({ env: {} }), staticNodes({ port: 0, env: { ERL_DIST_PORT: '9200' } })]) {
      expect(await off.resolve('a@h.example', { signal })).toEqual([]);
      expect(off.listenPort('me@here')).toBeUndefined();
    }
  });

  test('EPMDLESS_REMSH_PORT is for others, as with epmdless', async () => {
    const nodes = staticNodes({ env: { ERL_DIST_PORT: '9200', EPMDLESS_REMSH_PORT: '9300' } });
    expect(await nodes.resolve('a@h', { signal })).toEqual([{ host: 'h', port: 9300, nodeHost: 'h' }]);
    expect(nodes.listenPort('me@here')).toBe(9200);
  });

  test('helpers of a release listen at any port and are not dialled; a table may know better', async () => {
    const nodes = staticNodes({ port: 9100, env: {}, nodes: { 'rem-00ff-b@h': 9101 } });
    for (const helper of ['rpc-1a2b-a@h', 'rem-32767-a@h'] as const) {
      expect(nodes.listenPort(helper)).toBe(0);
      expect(await nodes.resolve(helper, { signal })).toEqual([]);
    }
    expect(await nodes.resolve('rem-00ff-b@h', { signal })).toMatchObject([{ port: 9101 }]);
    expect(nodes.listenPort('rpc-gateway-1@h')).toBe(9100);
  });

  test('ports that are none', () => {
    for (const port of [-1, 65_536, 1.5, Number.NaN])
      expect(() => staticNodes({ port, env: {} })).toThrow(ArgumentError);
    expect(() => staticNodes({ env: { ERL_DIST_PORT: 'x' } })).toThrow(/ERL_DIST_PORT/);
    expect(() => staticNodes({ env: { ERL_DIST_PORT: '0x10' } })).toThrow(/ERL_DIST_PORT/);
    expect(() => staticNodes({ env: { EPMDLESS_REMSH_PORT: '70000' } })).toThrow(/EPMDLESS_REMSH_PORT/);
    expect(staticNodes({ env: { ERL_DIST_PORT: '' } }).listenPort('me@here')).toBeUndefined();
  });
});

describe('the table', () => {
  test('from options, changed at run time, before the one port', async () => {
    const nodes = staticNodes({ port: 9000, env: {}, nodes: { 'a@h': 9001, 'b@h': { host: '10.0.0.2', port: 9002 } } });
    expect(await nodes.resolve('a@h', { signal })).toEqual([{ host: 'h', port: 9001, nodeHost: 'h' }]);
    expect(await nodes.resolve('b@h', { signal })).toEqual([{ host: '10.0.0.2', port: 9002, nodeHost: 'h' }]);
    expect(nodes.listenPort('b@h')).toBe(9002);
    expect(await nodes.names('h')).toEqual([
      { name: 'a', port: 9001 },
      { name: 'b', port: 9002 },
    ]);
    nodes.add('c@other', { port: 9003 });
    nodes.add('a@h', 9011);
    expect([...nodes.list().keys()]).toEqual(['a@h', 'b@h', 'c@other']);
    expect(nodes.list().get('a@h')?.port).toBe(9011);
    expect(nodes.remove('a@h')).toBe(true);
    expect(nodes.remove('a@h')).toBe(false);
    expect(await nodes.resolve('a@h', { signal })).toEqual([{ host: 'h', port: 9000, nodeHost: 'h' }]);
    expect(await nodes.names('other')).toEqual([{ name: 'c', port: 9003 }]);
  });

  test('a copy is a copy', () => {
    const nodes = staticNodes({ env: {}, nodes: { 'a@h': 1 } });
    const before = nodes.list();
    nodes.remove('a@h');
    expect(before.size).toBe(1);
    expect(nodes.list().size).toBe(0);
  });

  test('what is no node and no place', () => {
    const nodes = staticNodes({ env: {} });
    expect(() => nodes.add('alone' as NodeName, 1)).toThrow(ArgumentError);
    expect(() => nodes.add('a@b@c', 1)).toThrow(ArgumentError);
    expect(() => nodes.add('a@h', 0)).toThrow(/the port of a@h/);
    expect(() => nodes.add('a@h', { host: '', port: 1 })).toThrow(ArgumentError);
    expect(() => staticNodes({ env: {}, nodes: { 'a@h': 65_536 } })).toThrow(ArgumentError);
  });
});

test('a BEAM started with -erl_epmd_port listens where it says, with no EPMD anywhere', async () => {
  const port = await freePort();
  const nowhere = await freePort();
  await using erlang = await startErlang({ epmdPort: nowhere, args: ['-erl_epmd_port', String(port)] });
  const nodes = staticNodes({ port, env: {} });
  const [place] = await nodes.resolve(erlang.name as NodeName, { signal });
  const exchange = await openRaw(place?.port ?? 0, place?.host);
  await exchange.end();
  const chain = firstOf(epmd({ port: nowhere, env: {} }), nodes);
  expect(await chain.resolve(erlang.name as NodeName, { signal })).toEqual([place]);
});
